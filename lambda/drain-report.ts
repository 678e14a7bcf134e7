import type { Batch, DrainReport } from './queue/drain-loop.ts';
import type { Watch } from './queue/watch.ts';
import { count, hashed, logger, type LoopMetricName, publishMetrics, publishMetricsOf } from './telemetry.ts';

/** Metrics are summed up, and promotions read, over this time before lines are written. */
const METRICS_PERIOD_MS = 10_000;
/** What keeps happening to a promotion is logged this often. */
const LOG_REPEAT_MS = 60_000;
/** So many different ones are logged in that time at most, 2 KB each. */
const LOG_LINES_MAX = 1000;
/** Users that a line names at most. */
const LOGGED_USERS_MAX = 20;

/** What a run of the loop tells: counters, the numbers of the busiest promotions, and what went wrong. */
export class RunReport implements DrainReport {
  readonly #watch: Watch;
  readonly #shard: number;
  readonly #mayLog = logLimit();
  /** Of its own, so that no number of promotions that fail hides why. */
  readonly #mayLogTick = logLimit();
  #ticks = 0;
  #publishedAt = performance.now();
  #reading: Promise<void> | undefined;

  constructor(watch: Watch, shard: number) {
    this.#watch = watch;
    this.#shard = shard;
  }

  ticked(): void {
    this.#ticks += 1;
    if (performance.now() - this.#publishedAt < METRICS_PERIOD_MS) return;
    this.#publishedAt = performance.now();
    // One that takes longer than a period, as Redis hangs, leaves out the next.
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    this.#publish(new Map());
  }

  visited(promotionId: string, resting: boolean): void {
    this.#watch.visited(promotionId, resting);
  }

  admitted(promotionId: string, users: number, batch: Batch): void {
    count('admitted', users);
    this.#watch.admitted(promotionId, users);
    logger.info('A batch was admitted', { promotionId, users, ...batch });
  }

  swept(_promotionId: string, users: number): void {
    count('swept', users);
  }

  resent(promotionId: string, users: number, { correlationId }: Batch): void {
    count('resent', users);
    if (this.#mayLog(`resent ${promotionId}`)) logger.warn('Issue messages count as lost and are sent again', { promotionId, users, correlationId });
  }

  dropped(promotionId: string, userIds: string[]): void {
    count('loopErrors', userIds.length);
    if (!this.#mayLog(`dropped ${promotionId}`)) return;
    const users = userIds.slice(0, LOGGED_USERS_MAX).map(hashed);
    logger.error('Users stood in line although they were no longer waiting; they were taken out', { promotionId, dropped: userIds.length, users });
  }

  failed(promotionId: string | null, error: unknown, batch?: Batch): void {
    count('loopErrors');
    // No tick has come in time to write it: Redis is away, and an alarm waits for what was counted.
    if (performance.now() - this.#publishedAt >= 2 * METRICS_PERIOD_MS) {
      this.#publishedAt = performance.now();
      this.#publish(new Map());
    }
    // Its numbers may say why: a negative stock, say, can't be drained.
    if (promotionId !== null) this.#watch.visited(promotionId, false);
    if (!(promotionId === null ? this.#mayLogTick('failed') : this.#mayLog(`failed ${promotionId}`))) return;
    const what = promotionId === null ? 'A tick failed; the next one tries again' : 'A promotion could not be served; all others go on';
    logger.error(what, { promotionId, ...batch, error: error as Error });
  }

  /** Ends the report with the run: what is being read is told, and what was counted is written. */
  async end(stopped: 'SUPERSEDED' | 'DEADLINE' | 'EVICTION'): Promise<void> {
    await this.#reading;
    // The next run does not know what came to rest since: its last numbers would never be told. At a deadline there is no time for it.
    if (stopped === 'SUPERSEDED') await this.#read();
    this.#publish(new Map());
  }

  async #read(): Promise<void> {
    const { active, watched, failed } = await this.#watch.read();
    for (const { promotionId, error } of failed) {
      count('loopErrors');
      if (this.#mayLog(`unread ${promotionId}`)) logger.error('The numbers of a promotion could not be read', { promotionId, error: error as Error });
    }
    for (const { promotionId, told, gauges, waitSeconds } of watched) {
      const { state, joined, inLine, inProcessing, issued, failed: usersFailed, stock, broken } = gauges;
      const numbers = { joined, inLine, inProcessing, couponsIssued: issued, usersFailed, stock };
      if (broken.length > 0 && this.#mayLog(`broken ${promotionId}`)) logger.error('The numbers of a promotion do not add up', { promotionId, broken, state, ...numbers });
      if (told) publishMetricsOf('promotion', promotionId, new Map<LoopMetricName, number>(Object.entries({ ...numbers, ...(waitSeconds !== undefined && { waitSeconds }) }) as [LoopMetricName, number][]));
    }
    // Told as 0, too: an alarm must know that somebody looked.
    count('brokenSums', watched.filter(({ gauges }) => gauges.broken.length > 0).length);
    count('standingLines', watched.filter(({ standsStill }) => standsStill).length);
    this.#publish(new Map([['activePromotions', active]]));
  }

  #publish(ofShard: Map<LoopMetricName, number>): void {
    if (this.#ticks > 0) ofShard.set('ticks', this.#ticks);
    this.#ticks = 0;
    publishMetricsOf('shard', String(this.#shard), ofShard);
    publishMetrics();
  }
}

/** Whether something may be logged now: at most once each LOG_REPEAT_MS, and LOG_LINES_MAX in all. What is counted is counted each time. */
function logLimit(): (what: string) => boolean {
  const lastLogged = new Map<string, number>();
  return (what) => {
    const now = performance.now();
    if (now - (lastLogged.get(what) ?? -Infinity) < LOG_REPEAT_MS) return false;
    // In the order in which they were logged.
    for (const [past, loggedAt] of lastLogged) {
      if (now - loggedAt < LOG_REPEAT_MS) break;
      lastLogged.delete(past);
    }
    if (lastLogged.size >= LOG_LINES_MAX) return false;
    lastLogged.set(what, now);
    return true;
  };
}
