import { fallenTotals, type Gauges } from './gauges.ts';

/**
 * Promotions whose numbers one shard reads and tells at a time, the busiest first. Each has metrics of its own, for which CloudWatch asks by
 * name and hour: this bounds the bill, whatever number of promotions there is.
 */
export const WATCHED_MAX = 10;
/** Promotions of one shard whose numbers are checked at a time, those that are told among them: a check costs Redis some 10 us, and no metric. */
export const CHECKED_MAX = 1000;
/** So many are read at once: the loop's batches are late by no more than these take, some ms. */
const READ_AT_ONCE = 50;
/** When a reading has taken so long, Redis hangs, and what is not read yet waits for the next: the run may end meanwhile. */
const READING_MS_MAX = 3000;
/** A line that nobody has left for so long stands still: thirty batches of the default pace. */
export const STANDSTILL_MS = 30_000;
/** With a slower pace the line is given time for so many batches. */
const STANDSTILL_INTERVALS = 3;

/** Time (ms) after which a line that nobody leaves stands still. */
export const standstillMs = (drainIntervalMs: number) => Math.max(STANDSTILL_MS, STANDSTILL_INTERVALS * drainIntervalMs);

export interface Watched {
  promotionId: string;
  gauges: Gauges;
  /** One of the busiest, which have metrics of their own. */
  told: boolean;
  /** How long (s) a newcomer will wait if the line moves on as it did since the last reading; undefined where it did not move. */
  waitSeconds: number | undefined;
  /** Someone is in line, the promotion is open, and nobody has left the line for the time of a standstill. */
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
  last: { atMs: number; gauges: Gauges } | undefined;
  /** When somebody left the line for the last time, or could not; at first when it was seen. */
  movedAtMs: number;
}

/** Keeps an eye on the promotions of one run of the loop that have anything to do, and on the last numbers of those that come to rest. */
export class Watch {
  readonly #read: (promotionId: string) => Promise<Gauges | null>;
  readonly #now: () => number;
  readonly #standstillMs: number;
  /** Of these a run visits PROMOTIONS_MAX at most. */
  readonly #places = new Map<string, Place>();

  constructor(read: (promotionId: string) => Promise<Gauges | null>, now: () => number, standstill = STANDSTILL_MS) {
    this.#read = read;
    this.#now = now;
    this.#standstillMs = standstill;
  }

  /** Takes note of a visit, and whether the promotion was found resting. */
  visited(promotionId: string, resting: boolean): void {
    const place = this.#places.get(promotionId);
    if (place) place.resting = resting;
    else if (!resting) this.#places.set(promotionId, { resting, admitted: 0, last: undefined, movedAtMs: this.#now() });
  }

  admitted(promotionId: string, users: number): void {
    const place = this.#places.get(promotionId);
    if (!place) return;
    place.admitted += users;
    // Also of one that is read for the first time: it has moved, however long it has been there.
    place.movedAtMs = this.#now();
  }

  /**
   * Reads the numbers of the WATCHED_MAX busiest promotions, which are told, and of others up to CHECKED_MAX, which are only checked: a line
   * that is stuck is not among the busiest. One that can't be read does not hold up the others.
   */
  async read(): Promise<Reading> {
    const active = this.#places.size;
    // Where nobody was admitted, those that were there first: a sale that is stuck stays in sight.
    const [busiest, others] = split([...this.#places].toSorted(([, a], [, b]) => b.admitted - a.admitted), WATCHED_MAX);
    const told = new Set(busiest.map(([promotionId]) => promotionId));
    for (const [promotionId, place] of this.#places) {
      place.admitted = 0;
      if (place.resting) this.#places.delete(promotionId);
    }
    let unread = [...busiest, ...longestUnread(others)].slice(0, CHECKED_MAX);
    const watched: Watched[] = [];
    const failed: Reading['failed'] = [];
    const startedAtMs = this.#now();
    while (unread.length > 0 && this.#now() - startedAtMs < READING_MS_MAX) {
      const [next, later] = split(unread, READ_AT_ONCE);
      unread = later;
      // oxlint-disable-next-line no-await-in-loop -- READ_AT_ONCE at a time
      await Promise.all(
        next.map(async ([promotionId, place]) => {
          try {
            const gauges = await this.#read(promotionId);
            if (gauges) watched.push({ promotionId, told: told.has(promotionId), ...this.#compare(place, gauges) });
            else this.#places.delete(promotionId);
          } catch (error) {
            failed.push({ promotionId, error });
          }
        }),
      );
    }
    return { active, watched, failed };
  }

  #compare(place: Place, gauges: Gauges): Omit<Watched, 'promotionId' | 'told'> {
    const { last } = place;
    const atMs = this.#now();
    place.last = { atMs, gauges };
    const left = last ? gauges.nowServing - last.gauges.nowServing : 0;
    const broken = [...gauges.broken, ...(last ? fallenTotals(last.gauges, gauges) : [])];
    const waiting = gauges.inLine > 0 && gauges.state === 'OPEN';
    if (!waiting || left !== 0) place.movedAtMs = atMs;
    return { gauges: { ...gauges, broken }, waitSeconds: waitSeconds(gauges.inLine, left, atMs - (last?.atMs ?? atMs)), standsStill: atMs - place.movedAtMs >= this.#standstillMs };
  }
}

function waitSeconds(inLine: number, left: number, passedMs: number): number | undefined {
  if (inLine === 0) return 0;
  return left > 0 && passedMs > 0 ? Math.ceil((inLine * passedMs) / left / 1000) : undefined;
}

const split = <T>(all: readonly T[], at: number): [T[], T[]] => [all.slice(0, at), all.slice(at)];

/** Those first that were never read, or not for the longest time. */
const longestUnread = (places: [string, Place][]): [string, Place][] => places.toSorted(([, a], [, b]) => (a.last?.atMs ?? 0) - (b.last?.atMs ?? 0));
