import { setImmediate } from 'node:timers/promises';
import type { Random } from './random.ts';

/** Whoever waits for steps: a run of the loop, an issuer, a caller of the API, the network. */
export interface Actor {
  readonly name: string;
  alive: boolean;
  /** Whether it may crash. */
  readonly mortal: boolean;
  /** Tells whoever waits for this actor that it never answers. */
  readonly onCrash?: () => void;
}

/** Something that can happen next. */
export interface Step {
  actor: Actor;
  /** What the history calls it; '' if it is not worth a line. */
  label: string;
  /** Simulated time (ms) from which on it may happen. */
  readyAt: number;
  /** Makes it happen; the answer, if any, stands behind it in the history. */
  run: () => Promise<string | undefined> | string | undefined;
}

interface Happened {
  number: number;
  nowMs: number;
  actor: string;
  label: string;
  note: string | undefined;
}

/** What the scheduler itself may do wrong; both are 0 once faults stop. */
export interface Unrest {
  /** Probability that the actor of a step crashes before or after it. */
  crash: number;
  /** Probability that time passes although something could happen now. */
  tarry: number;
  /** Longest time (ms) that passes so. */
  tarryMsMax: number;
}

/** Lines of the history that a failure shows. */
const HISTORY_LINES = 40;

/**
 * Decides what happens next, one step after another, by the seed alone. Time is simulated: it passes when nothing can happen
 * now, or by whim.
 */
export class Scheduler {
  nowMs = 0;
  steps = 0;
  /** A digest of all that happened, to show that a seed repeats itself. */
  digest = 0;
  /** How often each kind of fault struck. */
  readonly faults = new Map<string, number>();
  readonly #random: Random;
  readonly #unrest: Unrest;
  #waiting: Step[] = [];
  readonly #history: Happened[] = [];

  constructor(random: Random, unrest: Unrest) {
    this.#random = random;
    this.#unrest = unrest;
  }

  /** Lets a step wait for its turn; the answer cancels it. */
  add(step: Step): () => void {
    this.#waiting.push(step);
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== step);
    };
  }

  /** How many steps of an actor wait. */
  waitingOf(actor: Actor): number {
    return this.#waiting.filter((step) => step.actor === actor).length;
  }

  /** Whether a step waits whose label fits. */
  waitsFor(fits: (label: string) => boolean): boolean {
    return this.#waiting.some(({ label }) => fits(label));
  }

  /** Brings forward whatever one actor would do later. */
  hurry(actor: Actor): void {
    for (const step of this.#waiting) if (step.actor === actor) step.readyAt = Math.min(step.readyAt, this.nowMs);
  }

  /** An actor's life ends here: nothing that it waits for ever happens to it. */
  end(actor: Actor): void {
    actor.alive = false;
    this.#waiting = this.#waiting.filter((step) => step.actor !== actor);
  }

  /** Ends whoever may crash, as time does that none of them lives for. */
  endMortals(): void {
    const ended = new Set(this.#waiting.map(({ actor }) => actor).filter(({ mortal }) => mortal));
    for (const actor of ended) {
      this.end(actor);
      actor.onCrash?.();
    }
  }

  /** Counts a fault. */
  struck(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
  }

  /** Writes a line into the history that is nobody's step. */
  note(label: string): void {
    this.#record('world', label, undefined);
  }

  /** Makes one step happen and waits until every actor waits again; false if nothing is left to happen. */
  async next(): Promise<boolean> {
    if (this.#waiting.length === 0) return false;
    if (this.#random.chance(this.#unrest.tarry)) this.nowMs += this.#random.between(1, this.#unrest.tarryMsMax);
    let ready = this.#waiting.filter((step) => step.readyAt <= this.nowMs);
    if (ready.length === 0) {
      this.nowMs = this.#waiting.reduce((least, step) => Math.min(least, step.readyAt), Infinity);
      ready = this.#waiting.filter((step) => step.readyAt <= this.nowMs);
    }
    const step = this.#random.pick(ready);
    this.#waiting.splice(this.#waiting.indexOf(step), 1);
    this.steps += 1;
    const { actor } = step;
    if (actor.mortal && this.#random.chance(this.#unrest.crash)) {
      const after = this.#random.chance(0.5);
      this.struck(after ? 'crash after a step' : 'crash before a step');
      this.end(actor);
      const label = `${step.label || 'wakes'}, CRASHES ${after ? 'after' : 'before'} it`;
      if (after) await this.#happen(actor, label, step);
      else this.#record(actor.name, label, undefined);
      actor.onCrash?.();
    } else {
      await this.#happen(actor, step.label, step);
    }
    // Whatever follows from the step follows in microtasks, and this comes after the last of them.
    await setImmediate();
    return true;
  }

  async #happen(actor: Actor, label: string, { run }: Step): Promise<void> {
    try {
      this.#record(actor.name, label, await run());
    } catch (error) {
      this.#record(actor.name, label, 'HERE IT BREAKS');
      throw error;
    }
  }

  #record(actor: string, label: string, note: string | undefined): void {
    if (label !== '') this.#history.push({ number: this.steps, nowMs: this.nowMs, actor, label, note });
    if (this.#history.length > HISTORY_LINES) this.#history.shift();
    for (const text of [actor, label, note ?? '']) {
      for (let i = 0; i < text.length; i++) this.digest = (Math.imul(this.digest, 31) + text.charCodeAt(i)) | 0;
    }
    this.digest = (Math.imul(this.digest, 31) + this.nowMs) | 0;
  }

  /** The last things that happened, one line each. */
  history(): string[] {
    return this.#history.map(({ number, nowMs, actor, label, note }) => {
      const line = `${String(number).padStart(5)} ${(nowMs / 1000).toFixed(3).padStart(9)} s  ${actor.padEnd(12)} ${label}`;
      return note === undefined ? line : `${line} → ${note}`;
    });
  }
}
