import type { Gauges } from './gauges.ts';

/**
 * Promotions whose numbers one shard reads and tells at a time, the busiest first. Each has metrics of its own, for which CloudWatch asks by
 * name and hour: this bounds the bill, whatever number of promotions there is.
 */
export const WATCHED_MAX = 10;
/** A line that nobody has left for so long stands still: thirty batches of the default pace. */
export const STANDSTILL_MS = 30_000;

export interface Watched {
  promotionId: string;
  gauges: Gauges;
  /** How long (s) a newcomer will wait if the line moves on as it did since the last reading; undefined where it did not move. */
  waitSeconds: number | undefined;
  /** Someone is in line, the promotion is open, and nobody has left the line for STANDSTILL_MS. */
  standsStill: boolean;
}

export interface Reading {
  /** Promotions that had anything to do since the last reading, watched or not. */
  active: number;
  watched: Watched[];
  failed: { promotionId: string; error: unknown }[];
}

/** A promotion as this watch has seen it. */
interface Place {
  resting: boolean;
  /** Users admitted since the last reading. */
  admitted: number;
  last: { atMs: number; nowServing: number } | undefined;
  movedAtMs: number;
}

/** Keeps an eye on the promotions of one run of the loop that have anything to do, and on the last numbers of those that come to rest. */
export class Watch {
  readonly #read: (promotionId: string) => Promise<Gauges | null>;
  readonly #now: () => number;
  /** Of these a run visits PROMOTIONS_MAX at most. */
  readonly #places = new Map<string, Place>();

  constructor(read: (promotionId: string) => Promise<Gauges | null>, now: () => number) {
    this.#read = read;
    this.#now = now;
  }

  /** Takes note of a visit, and whether the promotion was found resting. */
  visited(promotionId: string, resting: boolean): void {
    const place = this.#places.get(promotionId);
    if (place) place.resting = resting;
    else if (!resting) this.#places.set(promotionId, { resting, admitted: 0, last: undefined, movedAtMs: this.#now() });
  }

  admitted(promotionId: string, users: number): void {
    const place = this.#places.get(promotionId);
    if (place) place.admitted += users;
  }

  /** Reads the numbers of the WATCHED_MAX busiest promotions. One that can't be read does not hold up the others. */
  async read(): Promise<Reading> {
    const active = this.#places.size;
    // Where nobody was admitted, those that were there first: a sale that is stuck stays in sight.
    const busiest = [...this.#places].toSorted(([, a], [, b]) => b.admitted - a.admitted).slice(0, WATCHED_MAX);
    for (const [promotionId, place] of this.#places) {
      place.admitted = 0;
      if (place.resting) this.#places.delete(promotionId);
    }
    const watched: Watched[] = [];
    const failed: Reading['failed'] = [];
    await Promise.all(
      busiest.map(async ([promotionId, place]) => {
        try {
          const gauges = await this.#read(promotionId);
          if (gauges) watched.push(this.#compare(promotionId, place, gauges));
          else this.#places.delete(promotionId);
        } catch (error) {
          failed.push({ promotionId, error });
        }
      }),
    );
    return { active, watched, failed };
  }

  #compare(promotionId: string, place: Place, gauges: Gauges): Watched {
    const { last } = place;
    const atMs = this.#now();
    place.last = { atMs, nowServing: gauges.nowServing };
    const left = last ? gauges.nowServing - last.nowServing : 0;
    const waiting = gauges.inLine > 0 && gauges.state === 'OPEN';
    if (!waiting || left !== 0) place.movedAtMs = atMs;
    return { promotionId, gauges, waitSeconds: waitSeconds(gauges.inLine, left, atMs - (last?.atMs ?? atMs)), standsStill: atMs - place.movedAtMs >= STANDSTILL_MS };
  }
}

function waitSeconds(inLine: number, left: number, passedMs: number): number | undefined {
  if (inLine === 0) return 0;
  return left > 0 && passedMs > 0 ? Math.ceil((inLine * passedMs) / left / 1000) : undefined;
}
