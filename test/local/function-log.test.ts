import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { openFunctionLog } from '../../local/function-log.ts';
import { temporaryDir } from './tiny-assembly.ts';

it('keeps every line, and shows only warnings, errors and what is not JSON on standard error', () => {
  const [dir, shown] = [temporaryDir(), [] as string[]];
  const log = openFunctionLog(dir, 'join', (line) => shown.push(line));
  log.write('stdout', '{"level":"INFO","message":"a"}\n{"level":"WARN",');
  log.write('stdout', '"message":"b"}\n{"_aws":{},"joins":1}\nplain\n');
  log.write('stderr', 'Error: c\n{"level":"INFO","message":"d"}\n');
  log.close();
  expect(shown).toEqual(['join: {"level":"WARN","message":"b"}', 'join: Error: c']);
  expect(readFileSync(join(dir, 'join.log'), 'utf8').split('\n')).toHaveLength(7);
});

it('lets no control character reach the terminal and cuts long lines', () => {
  const shown: string[] = [];
  const log = openFunctionLog(temporaryDir(), 'join', (line) => shown.push(line));
  log.write('stderr', `\u001B[2Jgone\u0007\n${'x'.repeat(5000)}\n`);
  log.close();
  expect(shown[0]).toBe('join:  [2Jgone ');
  expect(shown[1]!.length).toBeLessThan(700);
});

it('does not flood the terminal', () => {
  const shown: string[] = [];
  const log = openFunctionLog(temporaryDir(), 'join', (line) => shown.push(line));
  log.write('stderr', 'again\n'.repeat(1000));
  log.close();
  // The thousand lines may fall into two seconds.
  expect(shown.length).toBeLessThanOrEqual(12);
  expect(shown).toContain('join: … more in join.log');
});

it('starts a new file when one is full, and keeps one old one', async () => {
  const dir = temporaryDir();
  const log = openFunctionLog(dir, 'join', () => {}, 1000);
  const file = join(dir, 'join.log');
  for (const text of ['first', 'second', 'third']) {
    log.write('stdout', `${text.repeat(300)}\n`);
    await vi.waitFor(() => expect(readFileSync(file, 'utf8')).toContain(text));
  }
  log.close();
  expect(readdirSync(dir).toSorted()).toEqual(['join.log', 'join.log.1']);
  expect(readFileSync(file, 'utf8')).toMatch(/^(third)+\n$/);
  expect(readFileSync(`${file}.1`, 'utf8')).toMatch(/^(second)+\n$/);
});
