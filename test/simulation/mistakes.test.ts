import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import corpus from './corpus.json' with { type: 'json' };
import { type Lane, openLane } from './lane.ts';
import { MISTAKES } from './mistakes.ts';
import { simulatedScripts } from './simulated-scripts.ts';

/** Within so many seeds each mistake is found, those of the corpus first: they reach rare places. */
const SEEDS_MAX = 600;
const TIMEOUT_MS = 120_000;

let lane: Lane;
beforeAll(async () => {
  lane = await openLane();
});
afterAll(() => lane.close());

describe('the simulation finds what is wrong', () => {
  test.each(Object.keys(MISTAKES))('%s', { timeout: TIMEOUT_MS }, async (name) => {
    const scripts = simulatedScripts(MISTAKES[name]);
    let broken: string | undefined;
    const seeds = [...corpus.seeds.map(({ seed }) => seed), ...Array.from({ length: SEEDS_MAX }, (_, i) => i + 1)];
    for (const seed of seeds) {
      ({ broken } = await lane.run(seed, scripts));
      if (broken !== undefined) break;
    }
    expect(broken).toBeDefined();
  });
});

test('a broken promise comes with the steps that led to it', async () => {
  const scripts = simulatedScripts(MISTAKES['drain reserves no stock for those in processing']);
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const { broken, history } = await lane.run(seed, scripts);
    if (broken === undefined) continue;
    expect(broken).toMatch(/^promotion \w: \|processing\| \d+ <= stock \d+$/);
    expect(history.length).toBeGreaterThan(5);
    expect(history.at(-1)).toMatch(/ drain \w .*HERE IT BREAKS$/);
    return;
  }
  expect.unreachable('no seed found the mistake');
});
