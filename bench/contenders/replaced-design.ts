import type { Cluster } from 'ioredis';
import { keysOf, userStatusKey } from '../../lambda/queue/keys.ts';
import { rolling } from '../batches.ts';
import { connectRival, type Rival, type RivalOptions } from './rival.ts';

/** Users of one run of its scheduler. */
const BATCH = 100;

/**
 * The design that this system replaces: the usual Spring service over the same four keys, command for command, each one a round
 * trip of its own. Nothing holds the commands of an operation together.
 */
export class ReplacedDesign implements Rival {
  readonly name = 'replaced design';
  readonly #redis: Cluster;
  readonly #promotionId: string;
  readonly #keys: ReturnType<typeof keysOf>;

  constructor({ url, promotionId }: RivalOptions) {
    this.#redis = connectRival(url);
    this.#promotionId = promotionId;
    this.#keys = keysOf(promotionId);
  }

  /** Joins a user; the answer is the place in line, 0 for who is not in it. */
  async add(userId: string): Promise<number> {
    const statusKey = this.#statusKey(userId);
    if ((await this.#redis.get(statusKey)) === null) {
      await this.#redis.rpush(this.#keys.waitingQueue, userId);
      await this.#redis.set(statusKey, 'WAITING');
    }
    return this.#position(userId);
  }

  /** Fills the line at once; the service itself has no way to do that. */
  async addMany(userIds: readonly string[]): Promise<void> {
    const pipeline = this.#redis.pipeline();
    pipeline.rpush(this.#keys.waitingQueue, ...userIds);
    for (const userId of userIds) pipeline.set(this.#statusKey(userId), 'WAITING');
    await pipeline.exec();
  }

  /** What a poll answers: the status, and the place of who is waiting. */
  async poll(userId: string): Promise<{ status: string | null; position: number }> {
    const status = await this.#redis.get(this.#statusKey(userId));
    return { status, position: status === 'WAITING' ? await this.#position(userId) : 0 };
  }

  async openWorker() {
    return {
      serve: async (users: number) => {
        let issuing = Promise.resolve();
        let served = 0;
        while (served < users) {
          const batch = await this.#drain();
          if (batch.length === 0) throw new Error(`The line held ${served} users instead of ${users}.`);
          await issuing;
          // One batch is issued, by as many as the other rivals have at work, while the next one is drained.
          issuing = rolling(batch.length, (index) => this.#issue(batch[index] ?? ''));
          served += batch.length;
        }
        await issuing;
      },
      close: async () => undefined,
    };
  }

  /** Brings the line to this length by dropping users from its end, or by adding strangers. */
  async setLineLength(length: number): Promise<void> {
    const { waitingQueue } = this.#keys;
    await this.#redis.ltrim(waitingQueue, 0, length - 1);
    const missing = length - (await this.#redis.llen(waitingQueue));
    const chunk = 5000;
    for (let added = 0; added < missing; added += chunk) {
      await this.#redis.rpush(waitingQueue, ...Array.from({ length: Math.min(chunk, missing - added) }, (_, i) => `w${String(added + i).padStart(11, '0')}`));
    }
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
  }

  async #position(userId: string): Promise<number> {
    return (await this.#redis.lrange(this.#keys.waitingQueue, 0, -1)).indexOf(userId) + 1;
  }

  async #drain(): Promise<string[]> {
    const batch: string[] = [];
    while (batch.length < BATCH) {
      const userId = await this.#redis.lpop(this.#keys.waitingQueue);
      if (userId === null) break;
      await this.#redis.sadd(this.#keys.processing, userId);
      await this.#redis.set(this.#statusKey(userId), 'PROCESSING');
      batch.push(userId);
    }
    return batch;
  }

  async #issue(userId: string): Promise<void> {
    if ((await this.#redis.decr(this.#keys.stock)) < 0) {
      await this.#redis.incr(this.#keys.stock);
      await this.#redis.set(this.#statusKey(userId), 'FAILED');
    } else {
      await this.#redis.set(this.#statusKey(userId), 'COMPLETED');
    }
    await this.#redis.srem(this.#keys.processing, userId);
  }

  #statusKey(userId: string): string {
    return userStatusKey(this.#promotionId, userId);
  }
}
