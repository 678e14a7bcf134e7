import { randomBytes } from 'node:crypto';

/** A promotion id that no other test uses, so that tests which share one Redis never meet. */
export function uniquePromotionId(): string {
  return `test_${randomBytes(12).toString('base64url')}`;
}
