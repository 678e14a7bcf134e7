import { createHash } from 'node:crypto';
import prelude from './prelude.lua';
import { onRedis, type RedisClient } from './redis.ts';

export interface Script {
  source: string;
  sha: string;
}

/** What the prelude defines, by name; an empty line ends a definition. */
const definitions = prelude.split('\n\n').flatMap((text) => {
  const name = /^local (?:function )?(\w+)/m.exec(text)?.[1];
  return name === undefined ? [] : [{ name, text: `${text.trimEnd()}\n` }];
});

/** Puts those definitions of the prelude that a script names behind its first line (`#!lua …`). */
export function composeScript(body: string): Script {
  const end = body.indexOf('\n') + 1;
  const named = definitions.filter(({ name }) => new RegExp(`\\b${name}\\b`).test(body));
  const source = body.slice(0, end) + named.map(({ text }) => text).join('') + body.slice(end);
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

/**
 * Runs a script by its hash, and by its text where the server does not have it yet (a new server, or a flushed cache).
 * @throws RedisUnavailable, or the server's error reply.
 */
export function runScript(client: RedisClient, script: Script, keys: string[], args: (string | number)[]): Promise<unknown> {
  return run(
    client,
    () => client.evalsha(script.sha, keys.length, ...keys, ...args),
    () => client.eval(script.source, keys.length, ...keys, ...args),
  );
}

/**
 * The same for a script that only reads. Redis then asks for no more than the right to read its keys, which is all that status and info have.
 * @throws RedisUnavailable, or the server's error reply.
 */
export function runReadingScript(client: RedisClient, script: Script, keys: string[], args: (string | number)[]): Promise<unknown> {
  return run(
    client,
    () => client.evalsha_ro(script.sha, keys.length, ...keys, ...args),
    () => client.eval_ro(script.source, keys.length, ...keys, ...args),
  );
}

function run(client: RedisClient, byHash: () => Promise<unknown>, byText: () => Promise<unknown>): Promise<unknown> {
  return onRedis(client, async () => {
    try {
      return await byHash();
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return await byText();
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
