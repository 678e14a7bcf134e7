/** Sleepers wake at the next multiple of this. */
const TICK_MS = 10;

/** Sleeps of a whole crowd on one timer: a timer for each of a million phones would cost more than their polls. */
export class Agenda {
  readonly #sleepers = new Map<number, (() => void)[]>();
  readonly #timer: NodeJS.Timeout;
  #tick: number;
  #stopped = false;

  constructor() {
    this.#tick = this.#now();
    this.#timer = setInterval(() => this.#wakeDue(), TICK_MS);
  }

  /** Sleeps for so many ms, to the next tick, or until the agenda is stopped. */
  sleep(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    const due = this.#now() + Math.max(1, Math.ceil(ms / TICK_MS));
    return new Promise((resolve) => {
      const sleepers = this.#sleepers.get(due);
      if (sleepers) sleepers.push(resolve);
      else this.#sleepers.set(due, [resolve]);
    });
  }

  /** Wakes everyone, now and from now on. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    for (const sleepers of this.#sleepers.values()) for (const wake of sleepers) wake();
    this.#sleepers.clear();
  }

  #now(): number {
    return Math.floor(performance.now() / TICK_MS);
  }

  #wakeDue(): void {
    for (const now = this.#now(); this.#tick <= now; this.#tick += 1) {
      for (const wake of this.#sleepers.get(this.#tick) ?? []) wake();
      this.#sleepers.delete(this.#tick);
    }
  }
}
