import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { barLine, openProgress } from '../../bench/progress.ts';

const progress = {
  elapsedMs: 1234,
  joined: 1500,
  waiting: 900,
  processing: 100,
  completed: 500,
  failed: 0,
  joinsPerSecond: 1234.5,
  joinP50Ms: 123.4,
  joinP99Ms: 4567.8,
  statusP50Ms: 12.3,
  statusP99Ms: 456.7,
};

/** What a terminal so wide is sent. */
function shownOn(columns: number): string[] {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns, rows: 24 });
  const view = openProgress(3000, stream as unknown as NodeJS.WriteStream);
  view.show(progress);
  view.stop();
  return stripVTControlCharacters(String(stream.read())).split('\n');
}

it.each([
  [120, 'latency    ██████████████████████████████ join p50/p99 123.4/4567.8 ms, status 12.3/456.7 ms'],
  [70, 'latency    ████████ join p50/p99 123.4/4567.8 ms, status 12.3/456.7 ms'],
  [60, 'latency    ████████████████████ join p50/p99 123.4/4567.8 ms'],
  [40, 'latency    join p50/p99 123.4/4567.8 ms'],
])('fits the rows into %i columns, numbers whole', (columns, latency) => {
  const lines = shownOn(columns);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
  expect(lines).toContainEqual(latency);
  expect(lines).toContainEqual(expect.stringMatching(/^joined +█*░* 1500 of 3000$/));
});

it('draws no bar that is too short to show anything', () => {
  const bar = (chars: number) => '#'.repeat(chars);
  expect(barLine('joined', ['5 of 9'], 22, bar)).toBe('joined     #### 5 of 9');
  expect(barLine('joined', ['5 of 9'], 21, bar)).toBe('joined     5 of 9');
});

it('writes plain lines where there is no terminal, at most one a second', () => {
  const stream = new PassThrough();
  const view = openProgress(3000, stream as unknown as NodeJS.WriteStream);
  for (const elapsedMs of [0, 999, 1000]) view.show({ ...progress, elapsedMs });
  view.stop();
  const line = 'joined 1500  waiting 900  processing 100  completed 500  failed 0  1235 joins/s  join p50/p99 123.4/4567.8 ms, status 12.3/456.7 ms';
  expect(String(stream.read())).toBe(`  0.0 s  ${line}\n  1.0 s  ${line}\n`);
});
