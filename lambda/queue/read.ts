import source from './read.lua';
import { onRedis, type RedisClient } from './redis.ts';
import { composeScript, runReadingScript } from './script.ts';

const script = composeScript(source);

/** One read: its name, in lower case as ioredis wants it, and its arguments. */
export type ReadCommand = [name: string, key: string, ...args: string[]];

/**
 * Reads at one instant. As a MULTI, which costs the server half of what a script does; when memory is full Redis refuses to
 * queue even reads in a MULTI, so then as a script.
 * @throws RedisUnavailable, or the error reply of a command that failed.
 */
export async function readTogether(client: RedisClient, commands: [ReadCommand, ...ReadCommand[]]): Promise<unknown[]> {
  const replies = await onRedis(client, async () => {
    try {
      return repliesOf(await client.multi(commands).exec());
    } catch (error) {
      if (refusedForMemory(error)) return undefined;
      throw error;
    }
  });
  if (replies) return replies;
  return (await runReadingScript(client, script, [commands[0][1]], commands.flatMap((words) => [words.length, ...words]))) as unknown[];
}

/**
 * Reads one after another, in this order but at different instants: what is read later is newer. Costs the server a quarter less than a
 * MULTI, and is answered when memory is full.
 * @throws RedisUnavailable, or the error reply of a command that failed.
 */
export function readInTurn(client: RedisClient, commands: ReadCommand[]): Promise<unknown[]> {
  return onRedis(client, async () => repliesOf(await client.pipeline(commands).exec()) ?? []);
}

/** The replies of a MULTI or a pipeline, each of which may be an error. */
const repliesOf = (results: [Error | null, unknown][] | null): unknown[] | undefined =>
  results?.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });

/** ioredis keeps the reason of an EXECABORT in previousErrors. */
function refusedForMemory(error: unknown): boolean {
  const { previousErrors } = error as { previousErrors?: unknown };
  return Array.isArray(previousErrors) && previousErrors.some((previous: unknown) => previous instanceof Error && previous.message.startsWith('OOM'));
}

/**
 * A number as the scripts write it.
 * @throws Error that names what is not a number.
 */
export function storedNumber(text: unknown, name: string): number {
  if (typeof text !== 'string' || !/^(0|[1-9]\d{0,14})$/.test(text)) throw new Error(`${name} is not a whole number`);
  return Number(text);
}
