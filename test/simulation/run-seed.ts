import type { Redis } from 'ioredis';
import { loadSnapshotScript } from './one-call-snapshot.ts';
import { Random } from './random.ts';
import { scenarioOf } from './scenario.ts';
import type { SimulatedScript } from './simulated-scripts.ts';
import { calm, type Weather, weatherOf } from './weather.ts';
import { World } from './world.ts';

/** Steps with faults, at most. */
const STORMY_STEPS_MAX = 700;
/** Steps without faults in which everything has to come to its end. */
const CALM_STEPS_MAX = 5000;
/** Jumps of the server's clock in one seed; more could add up to the day after which an entry without a promotion is forgotten. */
const CLOCK_JUMPS_MAX = 4;
const CLOCK_JUMPS_MS = [3_600_000, -3_600_000, 1500, -1500, -300];
const DAY_MS = 90_000_000;

export interface SeedResult {
  seed: number;
  steps: number;
  /** The same for each run of the same seed. */
  digest: number;
  /** The promise that broke, if any, and the last steps before. */
  broken?: string;
  history: string[];
  /** How often each kind of fault struck. */
  faults: ReadonlyMap<string, number>;
  /** How its promotions ended. */
  endings: [ending: string, count: number][];
}

/** Runs one seed on a Redis that it has for itself: a sale under faults, then good days until everything has come to its end. */
export async function runSeed(real: Redis, scripts: Map<string, SimulatedScript>, seed: number): Promise<SeedResult> {
  await prepare(real, scripts);
  const random = new Random(seed);
  const scenario = scenarioOf(random);
  const weather = weatherOf(random, scenario.pace.leaseMs);
  const kinds = Object.entries(weather).filter(([kind, rate]) => !kind.endsWith('Max') && rate > 0);
  const world = new World(real, random, scenario, weather, scripts);
  const { scheduler } = world;
  const { batchSize, leaseMs, maxInFlight } = scenario.pace;
  const history = () => [
    `batch ${batchSize}, lease ${leaseMs} ms, max in flight ${maxInFlight}, shards ${scenario.shards}; ${kinds.map(([kind, rate]) => `${kind} ${rate.toFixed(3)}`).join(', ')}`,
    ...scheduler.history(),
  ];
  const result = () => ({
    seed,
    steps: scheduler.steps,
    digest: scheduler.digest,
    history: history(),
    faults: scheduler.faults,
    endings: [...world.witnesses.values()].flatMap((witness) => witness.endings()),
  });
  try {
    const storm = new Storm(world, random, weather);
    while (scheduler.steps < STORMY_STEPS_MAX && !world.settled()) {
      await storm.strike();
      await step(world);
    }
    await settle(world, weather);
    for (const witness of world.witnesses.values()) witness.atTheEnd();
    await nothingRemains(real, world);
    return result();
  } catch (error) {
    const broken = error instanceof Error ? error.message : String(error);
    return { ...result(), broken };
  }
}

async function step(world: World): Promise<void> {
  await world.scheduler.next();
  if (world.broken) throw world.broken;
}

/** An empty Redis that knows all scripts. */
async function prepare(real: Redis, scripts: Map<string, SimulatedScript>): Promise<void> {
  const sources = new Set([...scripts.values()].map(({ source }) => source));
  await Promise.all([real.flushall(), loadSnapshotScript(real), ...[...sources].map((source) => real.script('LOAD', source))]);
}

/** Faults that strike between two steps. */
class Storm {
  readonly #world: World;
  readonly #random: Random;
  readonly #weather: Weather;
  #jumps = 0;

  constructor(world: World, random: Random, weather: Weather) {
    this.#world = world;
    this.#random = random;
    this.#weather = weather;
  }

  async strike(): Promise<void> {
    const { scheduler, redis, sqs } = this.#world;
    if (this.#jumps < CLOCK_JUMPS_MAX && this.#random.chance(this.#weather.clockJump)) {
      this.#jumps += 1;
      const ms = this.#random.pick(CLOCK_JUMPS_MS);
      redis.jump(ms);
      scheduler.note(`the server's clock jumps by ${ms} ms`);
    }
    if (this.#random.chance(this.#weather.scriptFlush)) {
      await redis.flushScripts();
      scheduler.note('SCRIPT FLUSH');
    }
    if (this.#random.chance(this.#weather.redrive)) scheduler.note(`redrive of ${sqs.redrive()}`);
    // An entry that is a day old may be forgotten, so no day passes within an init-stock, nor within the minutes that a function lives.
    if (this.#random.chance(this.#weather.dayPasses) && !scheduler.waitsFor((label) => /init-stock|register/.test(label))) {
      scheduler.struck('a day passes');
      scheduler.endMortals();
      scheduler.nowMs += DAY_MS;
      scheduler.note('a day passes');
    }
  }
}

/** Ends all faults and lets everything come to its end. */
async function settle(world: World, weather: Weather): Promise<void> {
  calm(weather);
  const { scheduler, sqs, redis } = world;
  scheduler.note('faults stop');
  scheduler.hurry(redis.network);
  scheduler.hurry(sqs.actor);
  const lastStep = scheduler.steps + CALM_STEPS_MAX;
  let resumed = false;
  while (scheduler.steps < lastStep && !(resumed && world.settled())) {
    if (!resumed && world.peopleRest() && scheduler.waitingOf(redis.network) === 0) {
      resumed = true;
      for (const [promotionId, witness] of world.witnesses) {
        if (witness.now?.state === 'PAUSED') world.begin({ by: 'operator', atMs: scheduler.nowMs, promotionId, command: { verb: 'resume' } });
      }
    }
    await step(world);
  }
}

/** Of a promotion that is gone not one key is left. */
async function nothingRemains(real: Redis, world: World): Promise<void> {
  const gone = [...world.witnesses].filter(([, witness]) => witness.now === null).map(([promotionId]) => promotionId);
  if (gone.length === 0) return;
  const keys = await real.keys('*');
  const left = keys.filter((key) => gone.some((promotionId) => key.includes(`{${promotionId}}`)));
  if (left.length > 0) throw new Error(`of a promotion that is gone there remain ${left.join(', ')}`);
}
