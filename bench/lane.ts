/** Lets so many tasks run at a time; the others wait in the order in which they came. */
export class Lane {
  readonly #width: number;
  #running = 0;
  #waiting: (() => void)[] = [];
  #head = 0;

  constructor(width: number) {
    this.#width = width;
  }

  /** Runs a task when its turn has come. Who waits is bounded by who calls. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#width) this.#running += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      this.#leave();
    }
  }

  /** Hands the place on to the next in line. */
  #leave(): void {
    const next = this.#waiting[this.#head];
    if (next === undefined) {
      this.#running -= 1;
      // To shift an array of a whole crowd for each that leaves would cost more than to drop it when it is used up.
      this.#waiting = [];
      this.#head = 0;
      return;
    }
    this.#head += 1;
    next();
  }
}
