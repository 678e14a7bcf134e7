import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';

/** What a request gets wrong: the field, and the rule that it breaks. */
export interface Detail {
  field: string;
  rule: string;
}

/** Every error that the API answers by itself: its code, status and message. */
export const errors = {
  INVALID_REQUEST: [400, '요청 값이 올바르지 않습니다.'],
  FORBIDDEN: [403, '요청할 권한이 없습니다.'],
  PROMOTION_NOT_FOUND: [404, '존재하지 않는 프로모션입니다.'],
  SOLD_OUT: [409, '쿠폰 재고가 소진되었습니다.'],
  PROMOTION_CLOSED: [409, '종료된 프로모션입니다.'],
  PROMOTION_NOT_CLOSED: [409, '종료(close)된 프로모션만 삭제할 수 있습니다.'],
  PROMOTION_IN_PROGRESS: [409, '이미 참여자가 있어 재고를 다시 초기화할 수 없습니다. restock 또는 close를 사용해 주세요.'],
  PROMOTION_BEING_REMOVED: [409, '삭제 중인 프로모션입니다. 삭제가 끝난 뒤 다시 시도해 주세요.'],
  PAYLOAD_TOO_LARGE: [413, '요청 본문은 4KiB를 넘을 수 없습니다.'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'Content-Type은 application/json이어야 합니다.'],
  MALFORMED_JSON: [422, '요청 본문이 올바른 JSON이 아닙니다.'],
  INTERNAL_ERROR: [500, '요청을 처리하지 못했습니다.'],
  UNAVAILABLE: [503, '일시적으로 처리할 수 없습니다. 잠시 후 다시 시도해 주세요.'],
} as const satisfies Record<string, readonly [number, string]>;

export type ErrorCode = keyof typeof errors;

/** An answer of the API that is not a success; thrown by middleware and handlers, turned into the envelope in one place. */
export class HttpError extends Error {
  override name = 'HttpError';
  readonly code: ErrorCode;
  readonly details: Detail[] | undefined;
  constructor(code: ErrorCode, details?: Detail[]) {
    super(code);
    this.code = code;
    this.details = details;
  }
}

/** Seconds after which a client may try again while Redis is away. */
const RETRY_AFTER_SECONDS = 1;

const headers = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' };

/** The answer of a request that succeeded. */
export const success = (message: string, data: unknown): APIGatewayProxyStructuredResultV2 => ({
  statusCode: 200,
  headers,
  body: JSON.stringify({ success: true, message, data }),
});

/** The answer of a request that did not. */
export function failure({ code, details }: HttpError, requestId: string): APIGatewayProxyStructuredResultV2 {
  const [statusCode, message] = errors[code];
  return {
    statusCode,
    headers: code === 'UNAVAILABLE' ? { ...headers, 'retry-after': String(RETRY_AFTER_SECONDS) } : headers,
    body: JSON.stringify({ success: false, message, error: { code, ...(details && { details }) }, requestId }),
  };
}

/** An id as the API answers it: the decimal form of a positive safe integer as a number, any other as the string it is. */
export function idForAnswer(id: string): string | number {
  const number = Number(id);
  return Number.isSafeInteger(number) && number > 0 && String(number) === id ? number : id;
}
