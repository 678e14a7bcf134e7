import { afterAll, beforeAll, expect, test } from 'vitest';
import corpus from './corpus.json' with { type: 'json' };
import { type Lane, openLane, runSeeds } from './lane.ts';
import type { SeedResult } from './run-seed.ts';
import { SCENARIO_VERSION } from './scenario.ts';
import { simulatedScripts } from './simulated-scripts.ts';

/** Seeds of each run of the tests; `npm run simulate` runs more. */
const SEEDS = 2000;
/** Two servers and the simulation itself keep two cores busy. */
const LANES = 2;
const TIMEOUT_MS = 240_000;
/** What has to happen now and then, or the simulation has become a fair-weather one. */
const EVENTS = [
  'a day passes',
  'answer of a send lost',
  'call late',
  'call lost',
  'call refused',
  'call resent',
  'call slow',
  'crash after a step',
  'crash before a step',
  'message delayed',
  'message lost',
  'message received again',
  'message redriven',
  'message to the DLQ',
  'message twice',
  'script cache flushed',
  'send rejected',
  "server's clock jumps forward",
  "server's clock steps back",
  'users who won',
  'users who lost',
  'promotions closed',
  'promotions removed',
  'promotions with a second life',
  'promotions restocked after a sell-out',
];
const EVENTS_MIN = 20;

let lanes: Lane[] = [];
const scripts = simulatedScripts();
beforeAll(async () => {
  lanes = await Promise.all(Array.from({ length: LANES }, openLane));
});
afterAll(() => Promise.all(lanes.map((lane) => lane.close())));

/** Runs seeds until one breaks a promise. */
async function run(seeds: Iterable<number>): Promise<SeedResult[]> {
  const results: SeedResult[] = [];
  const next = seeds[Symbol.iterator]();
  const broken = () => results.some((result) => result.broken !== undefined);
  await runSeeds(lanes, scripts, () => (broken() ? undefined : next.next().value), (result) => results.push(result));
  return results;
}

function expectPromisesHeld(results: SeedResult[]): void {
  const broken = results.find((result) => result.broken !== undefined);
  expect(broken && `Seed ${broken.seed}: ${broken.broken}\n${broken.history.join('\n')}\nReplay it: npm run simulate -- --seed ${broken.seed}`).toBeUndefined();
}

test('seeds that once failed hold', { timeout: TIMEOUT_MS }, async () => {
  // Another scenario makes another run of the same seed: then find the faults again, or empty the list.
  expect(corpus.version).toBe(SCENARIO_VERSION);
  expectPromisesHeld(await run(corpus.seeds.map(({ seed }) => seed)));
});

test(`${SEEDS} seeds hold every promise, and everything that can happen does`, { timeout: TIMEOUT_MS }, async () => {
  const results = await run(Array.from({ length: SEEDS }, (_, i) => i + 1));
  expectPromisesHeld(results);
  const happened = new Map(EVENTS.map((event) => [event, 0]));
  for (const { faults, endings } of results) {
    for (const [event, count] of [...faults, ...endings]) happened.set(event, (happened.get(event) ?? 0) + count);
  }
  expect([...happened].filter(([, count]) => count < EVENTS_MIN)).toEqual([]);
});

test('a seed repeats itself, step by step', async () => {
  for (const seed of [3, 20, 46]) {
    const [a, b] = await Promise.all([lanes[0]!.run(seed, scripts), lanes[1]!.run(seed, scripts)]);
    expect(a.steps).toBeGreaterThan(10);
    expect(b).toEqual(a);
  }
});
