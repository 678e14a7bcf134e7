import { connectRival, loadTakeCoupon, type Rival, type RivalOptions } from './rival.ts';

/** Entries that a consumer reads at once. */
const READ_COUNT = 100;
/** Consumers in turn, so that one reads while the entries of the other are processed. */
const CONSUMERS = 2;
const GROUP = 'issuers';

type Entry = [id: string, fields: string[]];
type Reply = [stream: string, entries: Entry[]][] | null;

/** Redis Streams: an entry per user, a consumer group that reads many at once, takes their coupons in one pipeline and acknowledges all in one command. */
export async function streams({ url, promotionId }: RivalOptions): Promise<Rival> {
  const redis = connectRival(url);
  const takeCoupon = await loadTakeCoupon(redis, promotionId);
  const stream = `coupons:{${promotionId}}`;
  await redis.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM');

  /** Gives coupons to the next users; how many there were. */
  async function serveNext(consumer: string): Promise<number> {
    const reply = (await redis.xreadgroup('GROUP', GROUP, consumer, 'COUNT', READ_COUNT, 'STREAMS', stream, '>')) as Reply;
    const entries = reply?.[0]?.[1] ?? [];
    if (entries.length === 0) return 0;
    const pipeline = redis.pipeline();
    for (const [, [, userId = '']] of entries) pipeline.evalsha(...takeCoupon(userId));
    pipeline.xack(stream, GROUP, ...entries.map(([id]) => id));
    for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
    return entries.length;
  }

  return {
    name: 'Redis Streams',
    add: (userId) => redis.xadd(stream, '*', 'userId', userId),
    async addMany(userIds) {
      const pipeline = redis.pipeline();
      for (const userId of userIds) pipeline.xadd(stream, '*', 'userId', userId);
      await pipeline.exec();
    },
    openWorker: async () => ({
      async serve(users) {
        let served = 0;
        await Promise.all(
          Array.from({ length: CONSUMERS }, async (_, i) => {
            for (let got = 1; got > 0 && served < users; served += got) got = await serveNext(`consumer-${i}`);
          }),
        );
        if (served < users) throw new Error(`The stream held ${served} users instead of ${users}.`);
      },
      close: async () => undefined,
    }),
    async close() {
      redis.disconnect();
    },
  };
}
