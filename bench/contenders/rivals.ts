import { keysOf } from '../../lambda/queue/keys.ts';
import { beeQueue } from './bee-queue.ts';
import { bullmq } from './bullmq.ts';
import { connectRival, type Rival } from './rival.ts';
import { streams } from './streams.ts';

/** What the rivals do less than this system, or more; stands in the results of each scenario in which they are. */
export const RIVALS_SAID =
  'BullMQ 6 (add with the user id as job id), bee-queue 2 (save, likewise) and Redis Streams (XADD) tell nobody a place in line, keep order only as far as jobs finish in the order in which they start, ' +
  'know neither a sold-out nor a closed promotion at the add, and take a second coupon for a job that runs twice; Streams would also add a known user again. BullMQ does more in other respects: events, retries, priorities. ' +
  'Their workers take a coupon by one script of two commands, at a concurrency of 50 (BullMQ’s own example; 10, 100 and 300 measured no faster); BullMQ keeps finished jobs, since it could not refuse a known user otherwise; ' +
  'bee-queue sends no events, keeps no job objects and removes finished jobs. All speak to the same single-node cluster through ioredis’s cluster client, except bee-queue, whose client knows no cluster; ioredis’s auto-pipelining makes BullMQ no faster.';

const open = { BullMQ: bullmq, 'bee-queue': beeQueue, 'Redis Streams': streams };

export type RivalName = keyof typeof open;
export const rivalNames = Object.keys(open) as RivalName[];

/** Opens a rival on a promotion of its own with this stock. */
export async function openRival(name: RivalName, { url, promotionId, stock }: { url: string; promotionId: string; stock: number }): Promise<Rival> {
  const redis = connectRival(url);
  await redis.set(keysOf(promotionId).stock, stock);
  redis.disconnect();
  return open[name]({ url, promotionId });
}

/** Does something with rivals that are open, and closes them. */
export async function withRivals<T>(names: readonly RivalName[], at: { url: string; promotion: string; stock: number }, work: (rivals: Rival[]) => Promise<T>): Promise<T> {
  const rivals: Rival[] = [];
  try {
    for (const name of names) rivals.push(await openRival(name, { url: at.url, stock: at.stock, promotionId: `${at.promotion}-${name.replaceAll(' ', '-')}` }));
    return await work(rivals);
  } finally {
    for (const rival of rivals) await rival.close();
  }
}
