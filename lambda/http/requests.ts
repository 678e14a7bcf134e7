import * as v from 'valibot';
import { PROMOTION_ID, USER_ID } from '../queue/ids.ts';

/** Largest stock, and largest quantity of one restock. */
export const STOCK_MAX = 1_000_000_000;

const textOf = (pattern: RegExp) => `${pattern.source} 형식의 문자열이어야 합니다.`;

const isPositiveSafeInteger = (value: unknown) => Number.isSafeInteger(value) && (value as number) > 0;

/** An id that may come as a string or as a positive safe integer: 1 and "1" are the same. */
const id = (pattern: RegExp) =>
  v.pipe(
    v.custom<string | number>(
      (value) => (typeof value === 'string' && pattern.test(value)) || isPositiveSafeInteger(value),
      `${pattern.source} 형식의 문자열 또는 양의 정수여야 합니다.`,
    ),
    v.transform(String),
  );

const integer = (min: number, max: number) =>
  v.custom<number>(
    (value) => Number.isInteger(value) && !Object.is(value, -0) && (value as number) >= min && (value as number) <= max,
    `${min} 이상 ${max} 이하의 정수여야 합니다.`,
  );

const promotionId = id(PROMOTION_ID);
const userId = id(USER_ID);
const requestId = v.pipe(v.string(textOf(PROMOTION_ID)), v.regex(PROMOTION_ID, textOf(PROMOTION_ID)));

export const joinRequest = v.object({ promotionId, userId });
export const statusRequest = v.object({ promotionId, userId });
export const initStockRequest = v.object({ promotionId, stock: integer(0, STOCK_MAX) });
export const infoRequest = v.object({ promotionId });
/** Two schemas of one body, so that a wrong action does not hide a wrong promotionId. */
export const controlRequest = v.intersect([
  v.object({ promotionId }),
  v.variant(
    'action',
    [
      v.object({ action: v.literal('restock'), quantity: integer(1, STOCK_MAX), requestId }),
      v.object({ action: v.picklist(['pause', 'resume', 'close', 'remove']) }),
    ],
    'restock, pause, resume, close, remove 중 하나여야 합니다.',
  ),
]);
