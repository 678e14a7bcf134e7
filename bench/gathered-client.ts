import type { Redis } from 'ioredis';
import type { RedisClient } from '../lambda/queue/redis.ts';

/** An operation makes at most two calls: its script by hash, then by text. */
const SENDS_MAX = 3;

export interface Gathered {
  client: RedisClient;
  /** Sends what was called since the last time, all in one write. */
  flush: () => Promise<void>;
}

/**
 * A client on which the system's own operations can be called many at a time, their commands sent in one write. Each command
 * alone costs the server about 5 µs of system calls, which would hide what the command itself costs.
 */
export function gather(redis: Redis): Gathered {
  let calls: { words: [string, ...(string | number)[]]; settle: (error: Error | null, reply: unknown) => void }[] = [];
  const call = (...words: [string, ...(string | number)[]]) =>
    new Promise<unknown>((resolve, reject) => void calls.push({ words, settle: (error, reply) => (error ? reject(error) : resolve(reply)) }));
  const client = {
    status: 'ready',
    evalsha: (...args: (string | number)[]) => call('evalsha', ...args),
    eval: (...args: (string | number)[]) => call('eval', ...args),
    multi: (commands: [string, ...string[]][]) => ({
      async exec() {
        const replies = [call('multi'), ...commands.map((words) => call(...words)), call('exec')];
        return ((await Promise.all(replies)).at(-1) as unknown[]).map((reply) => [reply instanceof Error ? reply : null, reply]);
      },
    }),
    pipeline: (commands: [string, ...string[]][]) => ({
      exec: () => Promise.all(commands.map((words) => call(...words).then((reply) => [null, reply], (error: Error) => [error, null]))),
    }),
  };
  return {
    // Operations call nothing else on a client.
    client: client as unknown as RedisClient,
    async flush() {
      // An operation makes its call some microtasks after it was itself called; one whose script the server lacks calls twice.
      for (let sends = 0; sends < SENDS_MAX; sends++) {
        await new Promise((resolve) => void setImmediate(resolve));
        const sent = calls;
        calls = [];
        if (sent.length === 0) return;
        const replies = await redis.pipeline(sent.map(({ words }) => words)).exec();
        for (const [i, { settle }] of sent.entries()) settle(...(replies?.[i] ?? [new Error('no reply'), null]));
      }
    },
  };
}
