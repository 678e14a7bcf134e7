import { closeSync, mkdirSync, openSync, renameSync, fstatSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface FunctionLog {
  /** Takes a piece of what a function process prints. */
  write(stream: 'stdout' | 'stderr', chunk: string): void;
  /** Shows a sentence of the runner's own about the function on the terminal, and keeps it in the file. */
  note(sentence: string): void;
  close(): void;
}

/** One file of a log; the one before it is kept as `.1`, so a function takes at most twice this. */
const LOG_BYTES_MAX = 10_000_000;
const FLUSH_INTERVAL_MS = 100;
const UNWRITTEN_CHARS_MAX = 1_000_000;
const LINE_CHARS_MAX = 64_000;
const TERMINAL_LINE_CHARS_MAX = 600;
const TERMINAL_LINES_PER_SECOND_MAX = 5;
const SHOWN_LEVELS = new Set(['WARN', 'ERROR', 'CRITICAL', 'FATAL']);

/**
 * Opens the log of a function: all lines go to `<dir>/<name>.log`, warnings, errors and what is not JSON on standard error
 * also to the terminal, at most 5 a second.
 */
export function openFunctionLog(
  dir: string,
  name: string,
  terminal: (line: string) => void,
  bytesMax = LOG_BYTES_MAX,
): FunctionLog {
  mkdirSync(dir, { recursive: true });
  const file = openRotatingFile(join(dir, `${name}.log`), bytesMax);
  const partial = { stdout: '', stderr: '' };
  let second = 0;
  let shownThisSecond = 0;

  const show = (line: string): void => {
    const now = Math.floor(Date.now() / 1000);
    if (now !== second) {
      second = now;
      shownThisSecond = 0;
    }
    shownThisSecond += 1;
    if (shownThisSecond <= TERMINAL_LINES_PER_SECOND_MAX) terminal(`${name}: ${printable(line)}`);
    else if (shownThisSecond === TERMINAL_LINES_PER_SECOND_MAX + 1) terminal(`${name}: … more in ${name}.log`);
  };

  return {
    write(stream, chunk) {
      const lines = (partial[stream] + chunk).split('\n');
      partial[stream] = (lines.pop() ?? '').slice(0, LINE_CHARS_MAX);
      for (const line of lines) {
        file.append(line);
        if (worthShowing(stream, line)) show(line);
      }
    },
    note(sentence) {
      file.append(sentence);
      show(sentence);
    },
    close() {
      for (const rest of Object.values(partial)) if (rest !== '') file.append(rest);
      file.close();
    },
  };
}

function worthShowing(stream: 'stdout' | 'stderr', line: string): boolean {
  if (line.startsWith('{')) {
    try {
      return SHOWN_LEVELS.has(String((JSON.parse(line) as { level?: unknown }).level).toUpperCase());
    } catch {
      // Not JSON after all.
    }
  }
  return stream === 'stderr' && line.trim() !== '';
}

/** What callers sent may be in a line: no control character of theirs may reach the terminal. */
function printable(line: string): string {
  const cut = line.length > TERMINAL_LINE_CHARS_MAX ? `${line.slice(0, TERMINAL_LINE_CHARS_MAX)}…` : line;
  return cut.replaceAll(/\p{Cc}/gu, ' ');
}

/** A file that is written a few times a second and starts anew when it is full. */
function openRotatingFile(path: string, bytesMax: number): { append(line: string): void; close(): void } {
  let descriptor = openSync(path, 'a');
  let bytes = fstatSync(descriptor).size;
  let unwritten = '';
  let dropped = 0;

  const flush = (): void => {
    if (dropped > 0) unwritten += `(${dropped} lines were too many to keep)\n`;
    dropped = 0;
    if (unwritten === '') return;
    if (bytes >= bytesMax) {
      closeSync(descriptor);
      renameSync(path, `${path}.1`);
      descriptor = openSync(path, 'a');
      bytes = 0;
    }
    try {
      bytes += writeSync(descriptor, unwritten);
    } catch {
      // A full disk must not end the run: the log is the least of its worries.
    }
    unwritten = '';
  };
  const timer = setInterval(flush, FLUSH_INTERVAL_MS).unref();

  return {
    append(line) {
      if (unwritten.length + line.length > UNWRITTEN_CHARS_MAX) dropped += 1;
      else unwritten += `${line}\n`;
    },
    close() {
      clearInterval(timer);
      flush();
      closeSync(descriptor);
    },
  };
}
