import { describe, expect, test } from 'vitest';
import { control } from '../../lambda/queue/control.ts';
import { deriveGauges, readGauges } from '../../lambda/queue/gauges.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { keysOf } from '../../lambda/queue/keys.ts';
import { sweep } from '../../lambda/queue/sweep.ts';
import { drainNow, promotionWith, redisForFile, users } from './promotion-for-test.ts';

const redis = redisForFile();

describe('the gauges of a promotion', () => {
  test('tell a sale from the first join to the last user', async () => {
    const p = await promotionWith(redis, 6, users(10));
    const gauges = () => readGauges(redis, p);
    const start = { state: 'OPEN', joined: 10, inLine: 10, inProcessing: 0, issued: 0, failed: 0, stock: 6, nowServing: 0, createdAtMs: expect.any(Number), broken: [] };
    expect(await gauges()).toEqual(start);
    await drainNow(redis, p, { batchSize: 4 });
    expect(await gauges()).toEqual({ ...start, inLine: 6, inProcessing: 4, nowServing: 4 });
    await issue(redis, p, users(4));
    expect(await gauges()).toEqual({ ...start, inLine: 6, issued: 4, stock: 2, nowServing: 4 });
    await drainNow(redis, p);
    await issue(redis, p, users(2, 5));
    await drainNow(redis, p);
    const end = { ...start, inLine: 0, issued: 6, failed: 4, stock: 0, nowServing: 10 };
    expect(await gauges()).toEqual(end);
    await sweep(redis, p);
    expect(await gauges()).toEqual(end);
  });

  test('of one that was closed: its line has failed; of one that is being removed or was never there: none', async () => {
    const p = await promotionWith(redis, 6, users(10));
    await control(redis, p, { action: 'close' });
    expect(await readGauges(redis, p)).toMatchObject({ state: 'CLOSED', inLine: 0, failed: 10, broken: [] });
    await control(redis, p, { action: 'remove' });
    expect(await readGauges(redis, p)).toBeNull();
    expect(await readGauges(redis, `${p}-none`)).toBeNull();
  });

  test.each<[string, (keys: ReturnType<typeof keysOf>) => Promise<unknown>, RegExp]>([
    ['a negative stock', (k) => redis.set(k.stock, '-1'), /^stock -1 is not negative$/],
    ['stock from nowhere', (k) => redis.set(k.stock, '7'), /^stock 7 is at most the initial stock 6$/],
    ['coupons without users', (k) => redis.hset(k.promotion, '#initialStock', '600'), /^issued 594 .* is at most the joined 10$/],
    ['a user in processing without a lease', (k) => redis.sadd(k.processing, 'x'), /^in processing 5 = leases 4$/],
    ['a user in line without a ticket', (k) => redis.rpush(k.waitingQueue, 'x'), /^tickets 10 = now serving 4 \+ in line 7$/],
    ['a ticket that was lost', (k) => redis.hdel(k.promotion, 'u9'), /^tickets 9 = now serving 4 \+ in line 6$/],
    ['stock that was taken from who has it', (k) => redis.set(k.stock, '3'), /^in processing 4 is at most the stock 3$/],
  ])('show %s', async (_, spoil, sentence) => {
    const p = await promotionWith(redis, 6, users(10));
    await drainNow(redis, p, { batchSize: 4 });
    await spoil(keysOf(p));
    expect((await readGauges(redis, p))?.broken).toContainEqual(expect.stringMatching(sentence));
  });

  test('can not be read where there is no number', async () => {
    const p = await promotionWith(redis, 6);
    await redis.set(keysOf(p).stock, '1e3');
    await expect(readGauges(redis, p)).rejects.toThrow('stock is not a whole number');
  });

  test('count each broken sum once', () => {
    const sound = { state: 'OPEN', stock: 5, initialStock: 5, nowServing: 0, createdAtMs: 1, tickets: 0, waiting: 0, processing: 0, leased: 0 };
    expect(deriveGauges(sound).broken).toEqual([]);
    expect(deriveGauges({ ...sound, leased: 1 }).broken).toHaveLength(1);
  });
});
