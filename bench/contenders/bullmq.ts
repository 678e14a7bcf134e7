import { Queue, Worker } from 'bullmq';
import { AT_ONCE } from '../batches.ts';
import { connectRival, loadTakeCoupon, type Rival, type RivalOptions } from './rival.ts';

/** Jobs of one `addBulk`. */
const BULK = 50;
/** A coupon whose worker fails is tried as often as SQS delivers a message here. */
const ATTEMPTS = 5;

/**
 * BullMQ: a job per user, whose id is the user's, so that a known user is not added twice; a worker of the concurrency in its
 * documentation's example takes a coupon for each.
 */
export async function bullmq({ url, promotionId }: RivalOptions): Promise<Rival> {
  const redis = connectRival(url);
  const takeCoupon = await loadTakeCoupon(redis, promotionId);
  const settings = { connection: redis, prefix: `{${promotionId}}` };
  const queue = new Queue('coupons', settings);
  await queue.waitUntilReady();
  const job = (userId: string) => ({ name: 'issue', data: { promotionId, userId }, opts: { jobId: userId, attempts: ATTEMPTS } });
  return {
    name: 'BullMQ',
    add(userId) {
      const { name, data, opts } = job(userId);
      return queue.add(name, data, opts);
    },
    async addMany(userIds) {
      for (let i = 0; i < userIds.length; i += BULK) await queue.addBulk(userIds.slice(i, i + BULK).map(job));
    },
    async openWorker() {
      // Finished jobs stay, as they do by default: without them a user who won could be added again.
      const worker = new Worker<{ userId: string }>('coupons', ({ data }) => redis.evalsha(...takeCoupon(data.userId)), {
        ...settings,
        concurrency: AT_ONCE,
        autorun: false,
      });
      await worker.waitUntilReady();
      return {
        serve(users) {
          return new Promise((resolve, reject) => {
            let served = 0;
            worker.on('completed', () => void (++served === users && resolve()));
            worker.on('failed', (_job, error) => reject(error));
            worker.on('error', reject);
            worker.run().catch(reject);
          });
        },
        close: () => worker.close(),
      };
    },
    async close() {
      await queue.close();
      redis.disconnect();
    },
  };
}
