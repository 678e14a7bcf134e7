import type { Redis } from 'ioredis';
import type { RedisClient } from '../../lambda/queue/redis.ts';
import { loadSnapshotScript, snapshotInOneCall } from './one-call-snapshot.ts';
import type { Random } from './random.ts';
import type { Actor, Scheduler } from './scheduler.ts';
import type { SimulatedScript } from './simulated-scripts.ts';
import { fateOf, type Weather } from './weather.ts';
import type { Witness } from './witness.ts';

/** How often one call is sent again by its client. */
const RESENDS_MAX = 2;
/** Longest reply that the history shows in full (characters). */
const NOTE_CHARS = 110;
/** Time (ms) at which every simulation begins, by the server's clock and by the loop's wall clock: a round figure of 2027. */
export const EPOCH_MS = 1_800_000_000_000;

type Answer = { reply: unknown } | { error: Error };

const connectionLost = () => new Error('Connection is closed.');

/** The real Redis behind a network that loses, repeats and delays, with a clock that jumps. */
export class SimulatedRedis {
  readonly #real: Redis;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #weather: Weather;
  readonly #scripts: Map<string, SimulatedScript>;
  readonly #witnesses: Map<string, Witness>;
  readonly #chunk: number;
  /** Carries what its caller has given up. */
  readonly network: Actor = { name: 'network', alive: true, mortal: false };
  #skewMs = 0;
  #stepsBack = 0;

  /** @param chunk users that one sweep and one retire take: with the real 500 no simulated line would ever need a second one */
  constructor(
    real: Redis,
    scheduler: Scheduler,
    random: Random,
    weather: Weather,
    scripts: Map<string, SimulatedScript>,
    witnesses: Map<string, Witness>,
    chunk: number,
  ) {
    this.#real = real;
    this.#scheduler = scheduler;
    this.#random = random;
    this.#weather = weather;
    this.#scripts = scripts;
    this.#witnesses = witnesses;
    this.#chunk = chunk;
  }

  /** Sets the server's clock forward or back by so many ms. */
  jump(ms: number): void {
    this.#scheduler.struck(ms < 0 ? "server's clock steps back" : "server's clock jumps forward");
    this.#skewMs += ms;
    if (ms < 0) this.#stepsBack += 1;
  }

  /** Empties the script cache. */
  async flushScripts(): Promise<void> {
    this.#scheduler.struck('script cache flushed');
    await this.#real.script('FLUSH');
    await loadSnapshotScript(this.#real);
  }

  /** A client as the operations know it, whose every call waits for its turn. */
  clientOf(actor: Actor): RedisClient {
    const client = {
      status: 'ready',
      evalsha: (sha: string, ...rest: (string | number)[]) => this.#runScript(actor, 'evalsha', sha, rest),
      eval: (source: string, ...rest: (string | number)[]) => this.#runScript(actor, 'eval', source, rest),
      multi: (commands: string[][]) => ({
        exec: () => this.#call(actor, `read ${commands[0]?.[1] ?? ''}`, () => this.#real.multi(commands).exec()),
      }),
      // Anything may happen between two of them: the worst that a split packet can do.
      pipeline: (commands: [string, string, ...string[]][]) => ({
        exec: async () => {
          const results: unknown[] = [];
          for (const [name, ...words] of commands) {
            results.push(await this.#call(actor, `${name} ${words[0]}`, () => this.#real.call(name, ...words).then((reply) => [null, reply], (error: Error) => [error, null])));
          }
          return results;
        },
      }),
      exists: (...keys: string[]) => this.#call(actor, `exists ${keys[0]}`, () => this.#real.exists(...keys)),
      zrange: (key: string, from: string, to: string, withScores: 'WITHSCORES') =>
        this.#call(actor, `zrange ${key}`, () => this.#real.zrange(key, from, to, withScores)),
    };
    return client as unknown as RedisClient;
  }

  #runScript(actor: Actor, how: 'evalsha' | 'eval', real: string, [keyCount, ...rest]: (string | number)[]): Promise<unknown> {
    const script = this.#scripts.get(real);
    if (!script) throw new Error('An operation runs a script that the simulation does not know.');
    const keys = rest.slice(0, Number(keyCount)).map(String);
    const args = rest.slice(Number(keyCount));
    if ((script.name === 'sweep' || script.name === 'retire') && args.length === 2) args[1] = this.#chunk;
    const promotionId = /\{(.+)\}/.exec(keys[0] ?? '')?.[1];
    const shown = args.filter((arg) => !String(arg).startsWith('coupon:')).join(' ');
    const label = `${script.name}${promotionId === undefined ? '' : ` ${promotionId}`}${shown === '' ? '' : ` (${shown})`}${how === 'eval' ? ' by text' : ''}`;
    return this.#call(actor, label, async () => {
      const serverNowMs = EPOCH_MS + this.#scheduler.nowMs + this.#skewMs;
      const argv = [...keys, ...args, serverNowMs];
      const replied = how === 'eval' ? this.#real.eval(script.source, keys.length, ...argv) : this.#real.evalsha(script.sha, keys.length, ...argv);
      const witness = promotionId === undefined ? undefined : this.#witnesses.get(promotionId);
      if (promotionId === undefined || !witness) return replied;
      // Both are on their way at once: half the waiting.
      const [replies, seen] = await Promise.allSettled([replied, snapshotInOneCall(this.#real, promotionId)]);
      if (seen.status === 'rejected') throw seen.reason;
      const reply: unknown = replies.status === 'fulfilled' ? replies.value : replies.reason;
      witness.observe({ name: script.name, args, reply, serverNowMs, stepsBack: this.#stepsBack }, seen.value);
      if (replies.status === 'rejected') throw replies.reason;
      return reply;
    });
  }

  #call(actor: Actor, label: string, execute: () => Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const deliver = (answer: Answer) => {
        if (!actor.alive) return;
        if ('error' in answer) reject(answer.error);
        else resolve(answer.reply);
      };
      const send = (resends: number) =>
        this.#scheduler.add({ actor, label, readyAt: this.#scheduler.nowMs, run: () => this.#arrive({ actor, label, execute, deliver, resends, send }) });
      send(0);
    });
  }

  async #arrive(call: {
    actor: Actor;
    label: string;
    execute: () => Promise<unknown>;
    deliver: (answer: Answer) => void;
    resends: number;
    send: (resends: number) => void;
  }): Promise<string> {
    const { actor, label, execute, deliver, resends, send } = call;
    const fate = fateOf(this.#weather, this.#random, label.split(' ', 1)[0] ?? '');
    if (fate !== 'ANSWERED') this.#scheduler.struck(`call ${fate.toLowerCase()}`);
    const later = (by: Actor, what: string, run: () => Promise<string> | undefined) =>
      this.#scheduler.add({ actor: by, label: what, readyAt: this.#scheduler.nowMs + this.#random.between(0, this.#weather.delayMsMax), run });
    if (fate === 'REFUSED') {
      deliver({ error: connectionLost() });
      return 'REFUSED';
    }
    if (fate === 'LATE') {
      later(this.network, `late ${label}`, async () => shorten(await answerOf(execute)));
      deliver({ error: connectionLost() });
      return 'given up, runs LATER';
    }
    const answer = await answerOf(execute);
    const note = shorten(answer);
    switch (fate) {
      case 'LOST':
        deliver({ error: connectionLost() });
        return `${note}, answer LOST`;
      case 'RESENT':
        if (resends >= RESENDS_MAX || !actor.alive) break;
        send(resends + 1);
        return `${note}, answer lost, SENT AGAIN`;
      case 'SLOW':
        if (!actor.alive) break;
        later(actor, `hears of ${label}`, () => {
          deliver(answer);
          return undefined;
        });
        return `${note}, on its way`;
      case 'ANSWERED':
        break;
    }
    deliver(answer);
    return note;
  }
}

/** The reply, or the server's error reply. A broken promise, or a connection that really broke, ends the seed instead. */
async function answerOf(execute: () => Promise<unknown>): Promise<Answer> {
  try {
    return { reply: await execute() };
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return { error };
    throw error;
  }
}

function shorten(answer: Answer): string {
  const text = 'error' in answer ? answer.error.message : JSON.stringify(answer.reply).replaceAll('"', '');
  return text.length > NOTE_CHARS ? `${text.slice(0, NOTE_CHARS)}…` : text;
}
