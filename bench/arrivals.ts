/** Those up to this share of a crowd arrive at once, the others as the sale goes on. */
const AT_ONCE_SHARE = 0.5;

/**
 * Lets a crowd arrive: half at once, the others in step with the sale, so that there are newcomers at every stage of it, however long it
 * stands still in between.
 */
export class Arrivals {
  #progress = 0;
  #waiting: { share: number; arrive: () => void }[] = [];

  /** Resolves when it is the turn of a user, by their share (0 to 1) of the crowd. */
  arrival = (share: number): Promise<void> => {
    const wanted = (share - AT_ONCE_SHARE) / (1 - AT_ONCE_SHARE);
    if (wanted <= this.#progress) return Promise.resolve();
    return new Promise((arrive) => void this.#waiting.push({ share: wanted, arrive }));
  };

  /** Lets in those whose turn has come at this share (0 to 1) of the sale; at 1 everyone. */
  advance(progress: number): void {
    if (progress <= this.#progress) return;
    this.#progress = progress;
    const due = this.#waiting.filter(({ share }) => share <= progress);
    this.#waiting = this.#waiting.filter(({ share }) => share > progress);
    for (const { arrive } of due) arrive();
  }
}
