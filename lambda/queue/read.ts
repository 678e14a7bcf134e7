import type { ChainableCommander } from 'ioredis';
import { onRedis, type RedisClient } from './redis.ts';

/** Reads in one MULTI, which costs the server half of what a script does; a command that failed inside it fails the whole. */
export function readTogether(client: RedisClient, commands: (multi: ChainableCommander) => ChainableCommander): Promise<unknown[]> {
  return onRedis(client, async () => {
    const replies = await commands(client.multi()).exec();
    if (!replies) throw new Error('the MULTI was aborted');
    return replies.map(([error, reply]) => {
      if (error) throw error;
      return reply;
    });
  });
}

/**
 * A number as the scripts write it.
 * @throws Error that names what is not a number.
 */
export function storedNumber(text: unknown, name: string): number {
  if (typeof text !== 'string' || !/^(0|[1-9]\d{0,14})$/.test(text)) throw new Error(`${name} is not a whole number`);
  return Number(text);
}
