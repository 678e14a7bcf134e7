import { MultiBar, type Options, type Params, type SingleBar } from 'cli-progress';

/** What is known of a rush while it goes on. */
export interface Progress {
  elapsedMs: number;
  /** Phones with an answer to their join, those turned away included. */
  joined: number;
  waiting: number;
  processing: number;
  completed: number;
  /** Lost in line, or turned away at the door. */
  failed: number;
  joinsPerSecond: number;
  /** 50th and 99th percentile of the joins so far, ms. */
  joinP50Ms: number;
  joinP99Ms: number;
  statusP50Ms: number;
  statusP99Ms: number;
}

/** Shows how a rush goes on, until it is stopped. */
export interface ProgressView {
  show(progress: Progress): void;
  stop(): void;
}

/** A view in which single lines can be shown besides. */
export interface NotingView extends ProgressView {
  note: (line: string) => void;
}

const LINE_INTERVAL_MS = 1_000;
const NAME_CHARS = 10;
const BAR_CHARS = 30;
/** A shorter bar shows nothing. */
const BAR_CHARS_MIN = 4;
const COLUMNS_BY_DEFAULT = 80;

/** What stands beside a bar; the note in parts, the most important one first. */
interface Row {
  name: string;
  note: string[];
}

/** Bars where a person looks on, else a plain line each second. Both go to standard error: standard output is for the result. */
export function openProgress(users: number, stream: NodeJS.WriteStream = process.stderr): NotingView {
  return stream.isTTY ? openBars(users, stream) : openLines(stream);
}

/** Turns on what bars turn off, the cursor and the wrapping of lines, for a program that ends without stopping its view. */
export function restoreTerminal(stream: NodeJS.WriteStream = process.stderr): void {
  if (stream.isTTY) stream.write('\x1B[?25h\x1B[?7h');
}

function openBars(users: number, stream: NodeJS.WriteStream): NotingView {
  const format = ({ barCompleteString: full = '', barIncompleteString: empty = '' }: Options, { progress }: Params, payload: unknown): string => {
    const { name, note } = payload as Row;
    return barLine(name, note, stream.columns || COLUMNS_BY_DEFAULT, (chars) => {
      const done = Math.round(Math.min(progress, 1) * chars);
      return full.slice(0, done) + empty.slice(0, chars - done);
    });
  };
  // Whoever called handles Ctrl-C; `stop` brings the cursor back.
  const bars = new MultiBar({ stream, hideCursor: true, gracefulExit: false, barCompleteChar: '█', barIncompleteChar: '░', barsize: BAR_CHARS, format });
  const add = (name: string): SingleBar => bars.create(users, 0, { name, note: [] } satisfies Row);
  const rows = { joined: add('joined'), waiting: add('waiting'), processing: add('processing'), completed: add('completed'), failed: add('failed') };
  const rate = add('join rate');
  const latency = add('latency');
  let rateMax = 1;
  let latencyMax = 1;
  return {
    show(progress) {
      for (const [name, bar] of Object.entries(rows)) {
        const value = progress[name as keyof typeof rows];
        bar.update(value, { note: [`${value} of ${users}`] });
      }
      rateMax = Math.max(rateMax, progress.joinsPerSecond);
      rate.setTotal(rateMax);
      rate.update(progress.joinsPerSecond, { note: [`${Math.round(progress.joinsPerSecond)}/s`] });
      latencyMax = Math.max(latencyMax, progress.joinP99Ms);
      latency.setTotal(latencyMax);
      latency.update(progress.joinP99Ms, { note: latencies(progress) });
    },
    note: (line) => bars.log(`${line}\n`),
    stop() {
      bars.update();
      bars.stop();
    },
  };
}

/**
 * A row of at most `columns` characters, since a terminal line that is longer is cut off anywhere: its bar is as long as there
 * is room beside the note, and then the last parts of the note are left out.
 * @param bar draws a bar of so many characters
 */
export function barLine(name: string, note: readonly string[], columns: number, bar: (chars: number) => string): string {
  const start = name.padEnd(NAME_CHARS);
  const room = columns - start.length - 1;
  let parts = note.length;
  while (parts > 1 && joined(note, parts).length > room) parts -= 1;
  const text = joined(note, parts);
  const barChars = Math.min(BAR_CHARS, room - text.length - 1);
  return barChars < BAR_CHARS_MIN ? `${start} ${text}` : `${start} ${bar(barChars)} ${text}`;
}

const joined = (note: readonly string[], parts: number) => note.slice(0, parts).join(', ');

function openLines(stream: NodeJS.WritableStream): NotingView {
  let nextAtMs = 0;
  return {
    show(progress) {
      if (progress.elapsedMs < nextAtMs) return;
      nextAtMs = progress.elapsedMs + LINE_INTERVAL_MS;
      stream.write(`${progressLine(progress)}\n`);
    },
    note: (line) => void stream.write(`${line}\n`),
    stop() {},
  };
}

function progressLine(progress: Progress): string {
  const { elapsedMs, joined, waiting, processing, completed, failed, joinsPerSecond } = progress;
  return (
    `${(elapsedMs / 1000).toFixed(1).padStart(5)} s  joined ${joined}  waiting ${waiting}  processing ${processing}  ` +
    `completed ${completed}  failed ${failed}  ${Math.round(joinsPerSecond)} joins/s  ${latencies(progress).join(', ')}`
  );
}

function latencies({ joinP50Ms, joinP99Ms, statusP50Ms, statusP99Ms }: Progress): string[] {
  const pair = (p50: number, p99: number) => `${p50.toFixed(1)}/${p99.toFixed(1)} ms`;
  return [`join p50/p99 ${pair(joinP50Ms, joinP99Ms)}`, `status ${pair(statusP50Ms, statusP99Ms)}`];
}
