import type { RedisClient } from '../lambda/queue/redis.ts';

type Word = string | number;
type Words = [string, ...string[]];

/** What stands for the user in a call that is recorded once and then made for many. */
const ANYONE = 'anyone-at-all';

/** An operation of the system, for one user. */
type Operation = (client: RedisClient, userId: string) => Promise<unknown>;

/** What an operation asks of its client. */
interface Recorded {
  script?: Word[];
  reads?: Words[];
}

/** Lets an operation make its call on a client that takes it down and answers nothing. */
async function record(operation: Operation): Promise<Recorded> {
  const recorded: Recorded = {};
  const silent = () => Promise.reject(new Error('only recorded'));
  const client = {
    status: 'ready',
    evalsha(...words: Word[]) {
      recorded.script = words;
      return silent();
    },
    pipeline(commands: Words[]) {
      recorded.reads = commands;
      return { exec: silent };
    },
  };
  await operation(client as unknown as RedisClient, ANYONE).catch(() => undefined);
  return recorded;
}

/** The same words for another user, at the cost of a copy. */
function forUsers<T extends Word[]>(words: T): (userId: string) => T {
  const places = words.flatMap((word, i) => (typeof word === 'string' && word.endsWith(ANYONE) ? [[i, word.slice(0, -ANYONE.length)] as const] : []));
  return (userId) => {
    const copy = [...words] as T;
    for (const [i, prefix] of places) copy[i] = prefix + userId;
    return copy;
  };
}

/**
 * The bare call of ioredis that an operation makes, script by hash or reads in one write, without the operation around it.
 * @throws Error if the operation makes neither
 */
export async function rawCall(client: RedisClient, operation: Operation): Promise<(userId: string) => Promise<unknown>> {
  const { script, reads } = await record(operation);
  if (script) {
    const words = forUsers(script);
    return (userId) => client.evalsha(...(words(userId) as [string, number, ...string[]]));
  }
  if (!reads) throw new Error('The operation makes no call that can be made without it.');
  const commands = reads.map(forUsers);
  return (userId) => client.pipeline(commands.map((words) => words(userId))).exec();
}
