import BeeQueue from 'bee-queue';
import { AT_ONCE } from '../batches.ts';
import { connectRival, loadTakeCoupon, type Rival, type RivalOptions } from './rival.ts';

/** What its documentation switches off for speed: nobody listens to events, and no job object is kept in the process. */
const LEAN = { getEvents: false, sendEvents: false, storeJobs: false, removeOnSuccess: true };

/**
 * bee-queue: a job per user, whose id is the user's. Its client knows no cluster, but one server that holds all slots is enough
 * for it as long as the queue's name carries a hash tag.
 */
export async function beeQueue({ url, promotionId }: RivalOptions): Promise<Rival> {
  const redis = connectRival(url);
  const takeCoupon = await loadTakeCoupon(redis, promotionId);
  const { hostname: host, port } = new URL(url);
  const open = async (isWorker: boolean) => {
    const queue = new BeeQueue<{ userId: string }>(`{${promotionId}}`, { ...LEAN, isWorker, redis: { host, port: Number(port) } });
    await queue.ready();
    return queue;
  };
  const queue = await open(false);
  const job = (userId: string) => queue.createJob({ userId }).setId(userId);
  return {
    name: 'bee-queue',
    add: (userId) => job(userId).save(),
    async addMany(userIds) {
      const errors = await queue.saveAll(userIds.map(job));
      for (const error of errors.values()) throw error;
    },
    async openWorker() {
      const worker = await open(true);
      return {
        serve(users) {
          return new Promise((resolve, reject) => {
            let served = 0;
            worker.on('succeeded', () => void (++served === users && resolve()));
            worker.on('failed', (_job, error) => reject(error));
            worker.on('error', reject);
            worker.process(AT_ONCE, (taken: { data: { userId: string } }) => redis.evalsha(...takeCoupon(taken.data.userId)));
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
