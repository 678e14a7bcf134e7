import { setTimeout as pause } from 'node:timers/promises';
import type { CouponApi } from './coupon-api.ts';
import type { Crowd } from './crowd.ts';
import type { InfoFacts } from './facts.ts';
import { progressOf } from './figures.ts';
import type { ProgressView } from './progress.ts';

const WATCH_INTERVAL_MS = 200;
/** How long the sweep may take to write what the phones have been told already. */
export const SETTLE_TIMEOUT_MS = 20_000;

/** What is watched, and how it is shown. */
export interface Watched {
  apiUrl: string;
  promotionId: string;
  stock: number;
  view: ProgressView;
  /** A system whose /info gives no answer for so long is gone, and the crowd need not wait for it. */
  silenceMsMax: number;
  signal: AbortSignal;
}

/**
 * Shows how it goes until the crowd is served. Answers when the stock was first seen at 0.
 * @throws Error if the system falls silent
 */
export async function watch(crowd: Crowd, operator: CouponApi, options: Watched): Promise<number | null> {
  const { promotionId, stock, view } = options;
  let soldOutMs: number | null = null;
  let info: InfoFacts | undefined;
  let over = false;
  const ended = crowd.over.then(() => (over = true));
  let last = { elapsedMs: 0, joined: 0 };
  let heardAtMs = 0;
  try {
    for (;;) {
      const answer = await operator.info(promotionId);
      if (answer.kind === 'INFO') {
        info = answer;
        heardAtMs = crowd.elapsedMs();
      } else if (crowd.elapsedMs() - heardAtMs > options.silenceMsMax) {
        throw silent(options, answer.reason);
      }
      if (stock > 0 && info?.currentStock === 0) soldOutMs ??= crowd.elapsedMs();
      const progress = progressOf(crowd, info, last);
      view.show(progress);
      last = progress;
      // The last look comes after the last answer.
      if (over) return soldOutMs;
      await Promise.race([pause(WATCH_INTERVAL_MS), ended]);
    }
  } finally {
    view.stop();
  }
}

/**
 * The numbers at the end, once nobody is in line or in processing any more, or after `settleMs`.
 * @throws Error if the system falls silent, or the signal's reason
 */
export async function finalInfo(operator: CouponApi, options: Pick<Watched, 'apiUrl' | 'promotionId' | 'signal'>, settleMs: number): Promise<InfoFacts> {
  const beganAt = performance.now();
  for (;;) {
    const answer = await operator.info(options.promotionId);
    options.signal.throwIfAborted();
    const waitedMs = performance.now() - beganAt;
    if (answer.kind === 'INFO') {
      if (answer.queueSize + answer.processingCount === 0 || waitedMs >= settleMs) return answer;
    } else if (waitedMs > SETTLE_TIMEOUT_MS) {
      throw silent(options, answer.reason);
    }
    await pause(WATCH_INTERVAL_MS);
  }
}

const silent = ({ apiUrl }: Pick<Watched, 'apiUrl'>, reason: string) =>
  new Error(`The system at ${apiUrl} stopped answering (${reason}), so nothing can be audited: look at its log, then try again.`);
