import { type Clock, HOLD_MS_MAX } from './clock.ts';

/** What happens within this time is looked at once. */
const WAKE_MS = 1;
/** An exact alarm comes so much (ms) after its time: a drain that comes too early is to be asked for again, one within the same ms is not late. */
const EXACT_AFTER_MS = 0.25;

/** A sleep that can be cut short. */
export class Alarm {
  readonly #clock: Clock;
  readonly #exact: boolean;
  #wake: (() => void) | undefined;
  #rung = false;

  /** @param exact whether a ms counts; the process then stands still in the last ms or two before each time */
  constructor(clock: Clock, exact: boolean) {
    this.#clock = clock;
    this.#exact = exact;
  }

  /** Ends the present sleep, or else the next one at once. */
  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Sleeps for so many ms, or until it is rung, and may end too early; the caller looks at what is due and comes again. */
  async wait(ms: number): Promise<void> {
    const until = this.#clock.now() + ms;
    if (this.#exact && ms <= HOLD_MS_MAX) {
      await this.#clock.hold(until + EXACT_AFTER_MS);
      return;
    }
    await this.#sleep(WAKE_MS);
    const leftMs = this.#exact ? Math.floor(until - this.#clock.now() - HOLD_MS_MAX) : Math.ceil(ms - WAKE_MS);
    if (!this.#rung && leftMs > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.after(leftMs, resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#rung = false;
    this.#wake = undefined;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.after(ms, resolve));
  }
}
