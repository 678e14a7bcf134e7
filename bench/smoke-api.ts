import { setTimeout as pause } from 'node:timers/promises';
import * as v from 'valibot';
import type { AwsCredentials } from '../lambda/queue/redis-token.ts';
import { signedHeaders } from './operator-signature.ts';

/** What came back: of the application, of API Gateway itself, or nothing. */
export interface SmokeAnswer {
  /** Undefined without an answer. */
  status: number | undefined;
  message: string;
  code: string | undefined;
  data: Record<string, unknown>;
  requestId: string | undefined;
}

/** What is asked of the API, and in whose name. */
export interface SmokeRequest {
  method: 'GET' | 'POST';
  route: 'join' | 'status' | 'init-stock' | 'info' | 'control';
  fields: Record<string, string | number>;
  /** A user's access token; undefined: an operator's signature, or nothing in an open stage. */
  token?: string | undefined;
  /** Whether the operator signs it. */
  signs?: boolean;
}

/** API Gateway answers within 30 s. */
const REQUEST_TIMEOUT_MS = 31_000;
/** A request is sent again while there is no answer, or one that tells to come again; every request of this API may be. */
const ATTEMPTS_MAX = 3;
const RETRY_DELAY_MS = 1_000;
const MESSAGE_CHARS_MAX = 200;

const answerBody = v.object({
  message: v.optional(v.string(), ''),
  error: v.optional(v.object({ code: v.optional(v.string()) })),
  data: v.optional(v.record(v.string(), v.unknown()), {}),
  requestId: v.optional(v.string()),
});

/** The HTTP API as an operator and two users call it. Whatever comes is an answer, so only a broken-off run throws. */
export class SmokeApi {
  readonly #prefix: string;
  readonly #operator: { credentials: AwsCredentials; region: string } | undefined;
  readonly #signal: AbortSignal;

  constructor(url: string, operator: { credentials: AwsCredentials; region: string } | undefined, signal: AbortSignal) {
    this.#prefix = `${url.replace(/\/+$/, '')}/api/coupon/queue`;
    this.#operator = operator;
    this.#signal = signal;
  }

  /** @param signal breaks it off; by default what breaks off the run. */
  async ask(request: SmokeRequest, signal: AbortSignal = this.#signal): Promise<SmokeAnswer> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#askOnce(request, signal);
      const passing = answer.status === undefined || answer.status === 429 || answer.status >= 500;
      if (!passing || attempt === ATTEMPTS_MAX) return answer;
      await pause(RETRY_DELAY_MS, undefined, { signal });
    }
  }

  async #askOnce({ method, route, fields, token, signs = false }: SmokeRequest, signal: AbortSignal): Promise<SmokeAnswer> {
    const url = new URL(`${this.#prefix}/${route}`);
    const body = method === 'POST' ? JSON.stringify(fields) : undefined;
    if (body === undefined) for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, String(value));
    const plain = {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    const operator = signs ? this.#operator : undefined;
    const headers = operator ? await signedHeaders({ method, url, headers: plain, body }, operator.credentials, operator.region) : plain;
    try {
      const response = await fetch(url, {
        method,
        headers,
        ...(body !== undefined && { body }),
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
      });
      return answerOf(response.status, await response.text(), response.headers.get('apigw-requestid') ?? undefined);
    } catch (error) {
      signal.throwIfAborted();
      return { status: undefined, message: networkReason(error), code: undefined, data: {}, requestId: undefined };
    }
  }
}

function answerOf(status: number, text: string, requestId: string | undefined): SmokeAnswer {
  const checked = v.safeParse(answerBody, parse(text));
  if (!checked.success) return { status, message: oneLine(text), code: undefined, data: {}, requestId };
  const { message, error, data, requestId: own } = checked.output;
  return { status, message: oneLine(message), code: error?.code, data, requestId: own ?? requestId };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As it may be shown in a terminal: on one line, without what would steer it. */
const oneLine = (text: string) => text.replaceAll(/[\s\p{Cc}]+/gu, ' ').slice(0, MESSAGE_CHARS_MAX);

function networkReason(error: unknown): string {
  const { cause, message } = error as { cause?: { code?: string; message?: string }; message?: string };
  return cause?.code ?? cause?.message ?? message ?? 'the connection failed';
}
