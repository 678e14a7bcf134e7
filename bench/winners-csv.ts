import { createWriteStream } from 'node:fs';
import { lstat, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type RedisClient, RedisUnavailable } from '../lambda/queue/redis.ts';
import { type SaleProgress, saleProgress, type Winner, winnersSince } from '../lambda/queue/winners.ts';

export interface WinnersExport {
  redis: RedisClient;
  promotionId: string;
  /** Undefined: standard output. */
  out: string | undefined;
  /** Told what goes on, a line at a time. */
  say: (line: string) => void;
  /** Breaks the export off. */
  signal: AbortSignal;
}

const HEADER = 'ticket,userId\n';
/** Only its owner reads the file: it names people. */
const FILE_MODE = 0o600;
const PROGRESS_INTERVAL_MS = 2_000;
const QUOTED = /[",\r\n]/;

/** A field of a CSV, as RFC 4180 quotes it. No id that the API takes needs it. */
export const csvField = (text: string): string => (QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/**
 * Writes the winners of a promotion as CSV in the order of their tickets, and holds their number against the coupons issued.
 * @throws Error with a sentence if there is no such promotion, or the list is not complete; a file is then not written
 */
export async function exportWinners(options: WinnersExport): Promise<void> {
  try {
    await writeWinners(options);
  } catch (error) {
    throw explained(error);
  }
}

async function writeWinners({ redis, promotionId, out, say, signal }: WinnersExport): Promise<void> {
  const before = await saleProgress(redis, promotionId);
  if (before === null) throw new Error(`There is no promotion ${promotionId}: it was never opened here, or has been removed.`);
  if (out !== undefined) await mayBeReplaced(out);
  const count = { winners: 0 };
  const rows = Readable.from(csvOf(winnersSince(redis, promotionId, before), count, say), { objectMode: false });
  if (out === undefined) {
    // Whoever reads may have enough (head): the rest is then of no interest.
    if (!(await wrote(pipeline(rows, process.stdout, { end: false, signal })))) return;
    say(resultOf(promotionId, count.winners, before, await saleProgress(redis, promotionId)));
    return;
  }
  const part = `${out}.part`;
  try {
    await pipeline(rows, createWriteStream(part, { mode: FILE_MODE }), { signal });
    const result = resultOf(promotionId, count.winners, before, await saleProgress(redis, promotionId));
    await rename(part, out);
    say(result);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/**
 * The list takes the place of what has its name once it is complete. As root that would be /dev/null itself, or a link such as /dev/stdout.
 * @throws Error in a sentence unless that is a file, or nothing
 */
async function mayBeReplaced(out: string): Promise<void> {
  const there = await lstat(out).catch(() => undefined);
  if (there === undefined || there.isFile()) return;
  throw new Error(`${out} is there and is no plain file: name another one, or leave out --out to write to standard output.`);
}

async function* csvOf(chunks: AsyncIterable<Winner[]>, count: { winners: number }, say: (line: string) => void): AsyncGenerator<string> {
  let saidAt = performance.now();
  yield HEADER;
  for await (const chunk of chunks) {
    count.winners += chunk.length;
    yield chunk.map(({ ticket, userId }) => `${ticket},${csvField(userId)}\n`).join('');
    if (performance.now() - saidAt < PROGRESS_INTERVAL_MS) continue;
    saidAt = performance.now();
    say(`${grouped(count.winners)} winners so far, ticket ${grouped(chunk.at(-1)?.ticket ?? 0)}`);
  }
}

/** False if whoever reads has closed the pipe. */
async function wrote(writing: Promise<void>): Promise<boolean> {
  try {
    await writing;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return false;
    throw error;
  }
}

/** What Redis or the file system says, as a sentence that says what to do; all other errors are that already. */
function explained(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof RedisUnavailable) return new Error(`Redis did not answer (${message}), so the list is not complete: run it again.`, { cause: error });
  if (name === 'ReplyError') return new Error(`Redis refused to be read (${message}): check what its user may do.`, { cause: error });
  if (syscall === 'open' || syscall === 'rename' || syscall === 'write') return new Error(`The file can't be written (${message}): name another one.`, { cause: error });
  return error;
}

/** What was written, in a sentence. @throws Error if it can't be all */
function resultOf(promotionId: string, winners: number, before: SaleProgress, after: SaleProgress | null): string {
  if (after === null || after.createdAtMs !== before.createdAtMs) {
    throw new Error(`Promotion ${promotionId} was removed while its winners were read, so the list is not complete: what is missing was deleted.`);
  }
  if (winners < before.completedCount || winners > after.completedCount) {
    throw new Error(
      `There are ${grouped(winners)} winners for ${grouped(before.completedCount)} coupons issued, so the list is not right: ` +
        'run it again, as Redis may have failed over meanwhile; if it says so each time, a status or a ticket is damaged.',
    );
  }
  const listed = `${grouped(winners)} winners of promotion ${promotionId}`;
  return after.over ? `${listed}, which is all of them.` : `${listed}, so far: the sale goes on. Export again when it is over.`;
}

const grouped = (n: number) => n.toLocaleString('en-US');
