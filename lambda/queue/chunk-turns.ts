/**
 * Chunks under way at once in one loop: one that the server works on, and one that is there when it has done. All that arrive
 * together on a connection are worked off before anyone else's command: 100 promotions that sold out at once, each with a chunk
 * of 500 on its way, made a PING wait 55 ms.
 */
export const CHUNKS_AT_ONCE = 2;

interface Turns {
  /** Whether nothing new may begin. */
  stopping: () => boolean;
  /** Takes note of work that was begun. */
  track: (work: Promise<void>) => void;
  /** Takes note of a chunk that failed; its promotion is left alone until it is added again. */
  failed: (promotionId: string, error: unknown) => void;
}

/** Work on many promotions that is done chunk by chunk: they take turns, so that neither the server nor one of them waits for all of another. */
export class ChunkTurns {
  readonly #turns: Turns;
  /** Next in turn first. */
  readonly #waiting = new Map<string, () => Promise<boolean>>();
  readonly #underWay = new Set<string>();
  #workers = 0;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** Has a promotion's chunks done until one answers that there are no more. One that has its turns already keeps them. */
  add(promotionId: string, chunk: () => Promise<boolean>): void {
    if (this.#underWay.has(promotionId) || this.#waiting.has(promotionId)) return;
    this.#waiting.set(promotionId, chunk);
    if (this.#workers >= CHUNKS_AT_ONCE) return;
    this.#workers += 1;
    this.#turns.track(this.#work().finally(() => (this.#workers -= 1)));
  }

  async #work(): Promise<void> {
    // Bounded by the run's life, and by what is there to do.
    while (!this.#turns.stopping()) {
      const [next] = this.#waiting;
      if (!next) return;
      const [promotionId, chunk] = next;
      this.#waiting.delete(promotionId);
      this.#underWay.add(promotionId);
      let more = false;
      try {
        more = await chunk();
      } catch (error) {
        this.#turns.failed(promotionId, error);
      }
      this.#underWay.delete(promotionId);
      if (more) this.#waiting.set(promotionId, chunk);
    }
  }
}
