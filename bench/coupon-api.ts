import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import * as v from 'valibot';
import { Pool } from 'undici';
import type { InfoFacts, Status } from './facts.ts';

/** API Gateway waits for 30 s at most; a phone a little longer. */
const REQUEST_TIMEOUT_MS = 35_000;
const CONNECT_TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 64 * 1024;
const US_PER_MS = 1000;
const EXCERPT_CHARS = 80;

/** A request that may succeed if it is sent again: a network error, a throttle or a fault of the server. */
interface TryAgain {
  kind: 'TRY_AGAIN';
  /** Whether there was an answer at all. */
  answered: boolean;
  reason: string;
  /** How long the server wants to be left alone. */
  afterMs: number;
  /** The status of an answer, and the API's own error code if it is one of its errors. */
  statusCode?: number;
  code?: string;
}

/** An answer that sending again would not change. */
interface Refused {
  kind: 'REFUSED';
  /** The API's own error code, if it is one of its errors. */
  code: string | undefined;
  reason: string;
}

export type JoinAnswer = { kind: 'JOINED'; status: Status; position: number } | { kind: 'SOLD_OUT' } | TryAgain | Refused;
export type StatusAnswer = { kind: 'STATUS'; status: Status; position: number; estimatedWaitSeconds: number } | TryAgain | Refused;
export type InfoAnswer = ({ kind: 'INFO' } & InfoFacts) | TryAgain | Refused;
export type InitStockAnswer = { kind: 'SET'; stock: number } | TryAgain | Refused;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const status = v.picklist(['WAITING', 'PROCESSING', 'COMPLETED', 'FAILED', 'NOT_IN_QUEUE']);
const answerOf = <S extends v.GenericSchema>(data: S) => v.object({ success: v.literal(true), message: v.string(), data });
const joinAnswer = answerOf(v.object({ status, position: count }));
const statusAnswer = answerOf(v.object({ status, position: count, totalWaiting: count, estimatedWaitSeconds: count, message: v.string() }));
const infoAnswer = answerOf(
  v.object({
    currentStock: v.number(),
    queueSize: count,
    processingCount: count,
    initialStock: count,
    completedCount: v.number(),
    failedCount: v.number(),
    state: v.string(),
  }),
);
const initStockAnswer = answerOf(v.object({ stock: count }));
const errorAnswer = v.object({ success: v.literal(false), error: v.object({ code: v.string() }) });

/** The HTTP API as a client knows it. Answers are held against the contract; network errors are answers too, so nothing here throws. */
export class CouponApi {
  /** From sending to the last byte of the answer, in µs, of the requests that were served. */
  readonly joinLatencyUs: RecordableHistogram = createHistogram();
  readonly statusLatencyUs: RecordableHistogram = createHistogram();
  readonly #pool: Pool;
  readonly #prefix: string;

  /** @param url the API's address, with the prefix of its paths if it has one. @param timeoutMs for one request */
  constructor(url: string, connections: number, timeoutMs: number = REQUEST_TIMEOUT_MS) {
    const { origin, pathname } = new URL(url);
    this.#prefix = `${pathname.replace(/\/+$/, '')}/api/coupon/queue`;
    this.#pool = new Pool(origin, {
      connections,
      connect: { timeout: Math.min(CONNECT_TIMEOUT_MS, timeoutMs) },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxResponseSize: ANSWER_BYTES_MAX,
    });
  }

  async join(promotionId: string, userId: string): Promise<JoinAnswer> {
    const sentAt = performance.now();
    const answer = await this.#ask('POST', '/join', joinAnswer, { promotionId, userId });
    const soldOut = answer.kind === 'REFUSED' && answer.code === 'SOLD_OUT';
    if (answer.kind === 'OK' || soldOut) record(this.joinLatencyUs, sentAt);
    if (soldOut) return { kind: 'SOLD_OUT' };
    return answer.kind === 'OK' ? { kind: 'JOINED', ...answer.data } : answer;
  }

  async status(promotionId: string, userId: string): Promise<StatusAnswer> {
    const sentAt = performance.now();
    const answer = await this.#ask('GET', `/status?promotionId=${promotionId}&userId=${encodeURIComponent(userId)}`, statusAnswer);
    if (answer.kind === 'OK') record(this.statusLatencyUs, sentAt);
    return answer.kind === 'OK' ? { kind: 'STATUS', ...answer.data } : answer;
  }

  async info(promotionId: string): Promise<InfoAnswer> {
    const answer = await this.#ask('GET', `/info?promotionId=${promotionId}`, infoAnswer);
    return answer.kind === 'OK' ? { kind: 'INFO', ...answer.data } : answer;
  }

  async initStock(promotionId: string, stock: number): Promise<InitStockAnswer> {
    const answer = await this.#ask('POST', '/init-stock', initStockAnswer, { promotionId, stock });
    return answer.kind === 'OK' ? { kind: 'SET', ...answer.data } : answer;
  }

  /** Ends every connection; requests under way are answered TRY_AGAIN. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #ask<S extends v.GenericSchema<unknown, { data: unknown }>>(
    method: 'GET' | 'POST',
    path: string,
    schema: S,
    body?: object,
  ): Promise<{ kind: 'OK'; data: v.InferOutput<S>['data'] } | TryAgain | Refused> {
    let statusCode: number;
    let retryAfter: string | string[] | undefined;
    let text: string;
    try {
      const response = await this.#pool.request({
        method,
        path: this.#prefix + path,
        ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      });
      ({ statusCode } = response);
      retryAfter = response.headers['retry-after'];
      text = await response.body.text();
    } catch (error) {
      return { kind: 'TRY_AGAIN', answered: false, reason: networkReason(error), afterMs: 0 };
    }
    if (statusCode === 429 || statusCode >= 500) {
      const fault = v.safeParse(errorAnswer, parse(text));
      const code = fault.success ? { code: fault.output.error.code } : {};
      return { kind: 'TRY_AGAIN', answered: true, reason: `answered ${statusCode}`, afterMs: (Number(retryAfter) || 0) * 1000, statusCode, ...code };
    }
    const json = parse(text);
    if (statusCode === 200) {
      const checked = v.safeParse(schema, json);
      if (checked.success) return { kind: 'OK', data: checked.output.data };
      return refused(undefined, `answered 200 with something else than the contract says: ${text.slice(0, EXCERPT_CHARS)}`);
    }
    const fault = v.safeParse(errorAnswer, json);
    return fault.success ? refused(fault.output.error.code, `answered ${statusCode} ${fault.output.error.code}`) : refused(undefined, `answered ${statusCode}`);
  }
}

const refused = (code: string | undefined, reason: string): Refused => ({ kind: 'REFUSED', code, reason });

function record(histogram: RecordableHistogram, sentAt: number): void {
  histogram.record(Math.max(1, Math.round((performance.now() - sentAt) * US_PER_MS)));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function networkReason(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? message?.split('\n', 1)[0] ?? 'the connection failed';
}
