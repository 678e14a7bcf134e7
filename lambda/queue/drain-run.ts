import beatSource from './beat.lua';
import beginSource from './begin-run.lua';
import { drainRunKey } from './keys.ts';
import type { RedisClient } from './redis.ts';
import { composeScript, runScript, UnexpectedReply } from './script.ts';

const beginScript = composeScript(beginSource);
const beatScript = composeScript(beatSource);

/** Gives a run of a shard's loop its number, higher than any before. */
export async function beginRun(redis: RedisClient, shard: number): Promise<number> {
  return (await runScript(redis, beginScript, [drainRunKey(shard)], [])) as number;
}

/** Reports a completed tick. SUPERSEDED: a newer run has done so within the last freshMs, this one may stop. */
export async function beat(redis: RedisClient, shard: number, run: number, freshMs: number): Promise<'CURRENT' | 'SUPERSEDED'> {
  const reply = await runScript(redis, beatScript, [drainRunKey(shard)], [run, freshMs]);
  if (reply !== 'CURRENT' && reply !== 'SUPERSEDED') throw new UnexpectedReply('beat', reply);
  return reply;
}
