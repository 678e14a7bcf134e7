import { createHash } from 'node:crypto';
import prelude from './prelude.lua';
import { onRedis, type RedisClient } from './redis.ts';

export interface Script {
  source: string;
  sha: string;
}

/** Puts the prelude behind the first line (`#!lua …`) of a script. */
export function composeScript(body: string, before: string = prelude): Script {
  const end = body.indexOf('\n') + 1;
  const source = body.slice(0, end) + before + body.slice(end);
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

/**
 * Runs a script by its hash, and by its text where the server does not have it yet (a new server, or a flushed cache).
 * @throws RedisUnavailable, or the server's error reply.
 */
export function runScript(client: RedisClient, script: Script, keys: string[], args: (string | number)[]): Promise<unknown> {
  return onRedis(client, async () => {
    try {
      return await client.evalsha(script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return await client.eval(script.source, keys.length, ...keys, ...args);
    }
  });
}

/** A reply that no version of a script gives: the data or the deployment is broken. */
export class UnexpectedReply extends Error {
  override name = 'UnexpectedReply';
  constructor(operation: string, reply: unknown) {
    super(`${operation} answered ${JSON.stringify(reply)}, which it should not`);
  }
}
