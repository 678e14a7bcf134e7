import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { PROMOTION_ID } from '../lambda/queue/ids.ts';

// What may stand behind an option of a command, for commander: each answers the value, or throws what its rule is.

/** A number as people read it: 12,000. */
export const grouped = (n: number) => n.toLocaleString('en-US');

/** A whole number between two bounds. */
export function wholeNumber(min: number, max: number) {
  return (text: string): number => {
    if (/^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
    throw new InvalidArgumentError(`It must be a whole number from ${grouped(min)} to ${grouped(max)}.`);
  };
}

export function promotionId(text: string): string {
  if (PROMOTION_ID.test(text)) return text;
  throw new InvalidArgumentError(`It must match ${PROMOTION_ID.source}.`);
}

export function httpUrl(text: string): string {
  const url = URL.parse(text);
  // A secret in it would be in the list of processes, and nothing here would send it.
  if (url && (url.username !== '' || url.password !== '')) throw new InvalidArgumentError('It must have neither a user nor a password.');
  if (url && /^https?:\/\//.test(text)) return text;
  throw new InvalidArgumentError('It must be an http:// or https:// URL.');
}

/** A folder, from where the command was called. */
export function folder(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must name a folder.');
  return resolve(text);
}
