import type { Redis } from 'ioredis';
import { control } from '../../lambda/queue/control.ts';
import type { Clock } from '../../lambda/queue/clock.ts';
import { type DrainReport, drainLoop, shardOf, STOP_BEFORE_DEADLINE_MS } from '../../lambda/queue/drain-loop.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { issue } from '../../lambda/queue/issue.ts';
import { decodeIssueMessage } from '../../lambda/queue/issue-message.ts';
import { join } from '../../lambda/queue/join.ts';
import { type RedisClient, RedisUnavailable } from '../../lambda/queue/redis.ts';
import { status } from '../../lambda/queue/status.ts';
import type { Random } from './random.ts';
import type { Command, Deed, Scenario } from './scenario.ts';
import { type Actor, Scheduler } from './scheduler.ts';
import { EPOCH_MS, SimulatedRedis } from './simulated-redis.ts';
import type { SimulatedScript } from './simulated-scripts.ts';
import { SimulatedSqs } from './simulated-sqs.ts';
import type { Weather } from './weather.ts';
import { BrokenPromise, Witness } from './witness.ts';

/** Runs of one shard's loop that live at the same time. */
const RUNS_AT_ONCE_MAX = 4;
/** How often somebody asks again who got no answer, and how long (ms) they wait before. */
const ATTEMPTS_MAX = 12;
const ATTEMPT_PAUSE_MS = 300;
const POLL_PAUSE_MS = 700;
/** How long (ms) somebody who was turned away stays away. */
const RETURN_PAUSE_MS = 1100;

const UNKNOWN = Symbol('unknown');
const RANK: Record<string, number> = { WAITING: 0, PROCESSING: 1, COMPLETED: 2, FAILED: 2 };

/** Everybody who takes part in one seed, and what they share. */
export class World {
  readonly scheduler: Scheduler;
  readonly redis: SimulatedRedis;
  readonly sqs: SimulatedSqs;
  readonly witnesses: Map<string, Witness>;
  /** The first thing that went wrong. */
  broken: Error | undefined;
  readonly #scenario: Scenario;
  readonly #people: Actor = { name: 'people', alive: true, mortal: false };
  readonly #rule: Actor = { name: 'rule', alive: true, mortal: false };
  #busyPeople = 0;
  #runs = 0;
  #calls = 0;
  readonly #liveRuns = new Map<number, number>();

  constructor(real: Redis, random: Random, scenario: Scenario, weather: Weather, scripts: Map<string, SimulatedScript>) {
    this.#scenario = scenario;
    this.scheduler = new Scheduler(random, weather);
    const { batchSize, drainIntervalMs } = scenario.pace;
    this.witnesses = new Map(scenario.promotionIds.map((id) => [id, new Witness(id, batchSize, drainIntervalMs)]));
    this.redis = new SimulatedRedis(real, this.scheduler, random, weather, scripts, this.witnesses, scenario.chunk);
    this.sqs = new SimulatedSqs(this.scheduler, random, weather, scenario.visibilityMs, scenario.receivesMax, (body, done) => this.#startIssuer(body, done));
    for (let shard = 0; shard < scenario.shards; shard++) this.#startByRule(shard);
    for (const deed of scenario.deeds) this.begin(deed);
  }

  /** Whether everybody has done what they wanted and everything has come to its end. */
  settled(): boolean {
    return this.#busyPeople === 0 && this.sqs.idle() && this.scheduler.waitingOf(this.redis.network) === 0 && this.promotionsSettled();
  }

  promotionsSettled(): boolean {
    return [...this.witnesses.values()].every((witness) => witness.settled());
  }

  /** Whether all deeds are done. */
  peopleRest(): boolean {
    return this.#busyPeople === 0;
  }

  /** Lets a person do something at its time. */
  begin(deed: Deed): void {
    this.#busyPeople += 1;
    void this.#sleep(deed.atMs - this.scheduler.nowMs)
      .then(() => (deed.by === 'user' ? this.#user(deed) : this.#operate(deed.promotionId, deed.command)))
      .catch((error: unknown) => this.#breaks(error))
      .finally(() => {
        this.#busyPeople -= 1;
      });
  }

  #breaks(error: unknown): void {
    this.broken ??= error instanceof Error ? error : new Error(String(error));
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.scheduler.add({
        actor: this.#people,
        label: '',
        readyAt: this.scheduler.nowMs + Math.max(0, ms),
        run: () => {
          resolve();
          return undefined;
        },
      });
    });
  }

  /** One call of the API in a function of its own, which may crash; UNKNOWN if no answer comes. */
  #invoke<T>(name: string, operation: (redis: RedisClient) => Promise<T>): Promise<T | typeof UNKNOWN> {
    return new Promise((resolve) => {
      this.#calls += 1;
      const actor: Actor = { name: `${name}#${this.#calls}`, alive: true, mortal: true, onCrash: () => resolve(UNKNOWN) };
      operation(this.redis.clientOf(actor)).then(resolve, (error: unknown) => {
        if (!(error instanceof RedisUnavailable)) this.#breaks(error);
        resolve(UNKNOWN);
      });
    });
  }

  /** Asks again until there is an answer. */
  async #insist<T>(name: string, operation: (redis: RedisClient) => Promise<T>): Promise<T | typeof UNKNOWN> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const answer = await this.#invoke(name, operation);
      if (answer !== UNKNOWN) return answer;
      await this.#sleep(ATTEMPT_PAUSE_MS);
    }
    return UNKNOWN;
  }

  async #user({ promotionId, userId, polls, returns }: Extract<Deed, { by: 'user' }>): Promise<void> {
    for (let i = 0; i <= returns; i++) {
      const answer = await this.#insist(userId, (redis) => join(redis, promotionId, userId));
      if (answer === UNKNOWN || (answer.kind !== 'SOLD_OUT' && answer.kind !== 'NOT_FOUND')) break;
      if (i < returns) await this.#sleep(RETURN_PAUSE_MS);
    }
    const witness = this.witnesses.get(promotionId);
    const life = witness?.lives;
    let last = { rank: 0, position: Infinity };
    for (let i = 0; i < polls; i++) {
      const polled = await this.#insist(userId, (redis) => status(redis, promotionId, userId));
      // Of another life, or of one that ends, the former answer says nothing.
      if (polled === UNKNOWN || polled.kind === 'NOT_IN_QUEUE' || witness?.lives !== life) return;
      const now = { rank: RANK[polled.kind] ?? -1, position: polled.kind === 'WAITING' ? polled.position : 0 };
      if (now.rank < last.rank || now.position > last.position) {
        throw new BrokenPromise(`promotion ${promotionId}: ${userId} polls ${polled.kind} ${now.position} after ${JSON.stringify(last)}`);
      }
      last = now;
      await this.#sleep(POLL_PAUSE_MS);
    }
  }

  async #operate(promotionId: string, command: Command): Promise<void> {
    // Refused commands that will be taken later: the promotion is being removed still, or is not closed yet.
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (command.verb === 'init-stock') {
        const outcome = await this.#insist('operator', (redis) => initStock(redis, promotionId, command.stock));
        if (outcome === UNKNOWN || outcome.kind !== 'BEING_REMOVED') return;
      } else {
        const request = command.verb === 'restock' ? { action: command.verb, quantity: command.quantity, requestId: command.requestId } : { action: command.verb };
        const outcome = await this.#insist('operator', (redis) => control(redis, promotionId, request));
        if (outcome === UNKNOWN || outcome.kind !== 'NOT_CLOSED') return;
      }
      await this.#sleep(this.#scenario.pace.drainIntervalMs);
    }
  }

  /** The one-minute rule of a shard: a new run each time, whether or not others live. */
  #startByRule(shard: number): void {
    this.scheduler.add({
      actor: this.#rule,
      label: `starts a run of shard ${shard}`,
      readyAt: this.scheduler.nowMs + (this.#runs < this.#scenario.shards ? 0 : this.#scenario.ruleMs),
      run: () => {
        this.#startByRule(shard);
        const live = this.#liveRuns.get(shard) ?? 0;
        if (live >= RUNS_AT_ONCE_MAX) return 'throttled';
        this.#startRun(shard);
        return `run ${this.#runs}`;
      },
    });
  }

  #startRun(shard: number): void {
    this.#runs += 1;
    const { pace, shards, runMs } = this.#scenario;
    this.#liveRuns.set(shard, (this.#liveRuns.get(shard) ?? 0) + 1);
    const ended = () => this.#liveRuns.set(shard, (this.#liveRuns.get(shard) ?? 0) - 1);
    const actor: Actor = { name: `run ${this.#runs}`, alive: true, mortal: true, onCrash: ended };
    const deadline = this.scheduler.nowMs + runMs + STOP_BEFORE_DEADLINE_MS;
    const clock: Clock = {
      hold: (untilMs) => new Promise((resolve) => void clock.after(untilMs - this.scheduler.nowMs, resolve)),
      now: () => this.scheduler.nowMs,
      wallNow: () => EPOCH_MS + this.scheduler.nowMs,
      after: (ms, callback) =>
        this.scheduler.add({
          actor,
          label: '',
          readyAt: this.scheduler.nowMs + ms,
          run: () => {
            if (actor.alive) callback();
            return undefined;
          },
        }),
    };
    const done = drainLoop({
      redis: this.redis.clientOf(actor),
      send: this.sqs.senderFor(actor),
      pace,
      shard,
      shards,
      remainingMs: () => deadline - this.scheduler.nowMs,
      report: this.#reportOf(shard),
      clock,
    });
    void this.#awaitRun(actor, done).then(ended);
  }

  async #awaitRun(actor: Actor, done: Promise<string>): Promise<void> {
    try {
      const why = await done;
      if (this.scheduler.waitingOf(actor) > 0) this.#breaks(new BrokenPromise(`${actor.name} returned and left something unawaited`));
      this.scheduler.note(`${actor.name} ends: ${why}`);
    } catch (error) {
      this.#breaks(error);
    }
  }

  #reportOf(shard: number): DrainReport {
    return {
      ticked() {},
      visited() {},
      admitted() {},
      resent() {},
      swept() {},
      dropped: (promotionId, users) => this.#breaks(new BrokenPromise(`promotion ${promotionId}: ${users.join(' ')} stood in line although no longer waiting`)),
      failed: (promotionId, error) => {
        if (promotionId !== null && shardOf(promotionId, this.#scenario.shards) !== shard) this.#breaks(new BrokenPromise(`shard ${shard} served ${promotionId}`));
        const expected = error instanceof RedisUnavailable || (error instanceof Error && error.message.startsWith('SQS '));
        if (!expected) this.#breaks(error);
      },
    };
  }

  #startIssuer(body: string, done: () => void): void {
    void this.#invoke('issuer', async (redis) => {
      const { promotionId, userIds } = decodeIssueMessage(body);
      const { failed, released } = await issue(redis, promotionId, userIds);
      if (failed + released.length > 0) throw new BrokenPromise(`promotion ${promotionId}: of ${userIds.join(' ')} ${failed + released.length} were admitted and got no coupon`);
      done();
    });
  }
}
