import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import * as v from 'valibot';
import { RedisUnavailable } from '../queue/redis.ts';
import { count, hashed, logger, publishMetrics } from '../telemetry.ts';
import { type Detail, failure, HttpError } from './envelope.ts';
import { jsonBody } from './json-body.ts';
import { checkSameUser, tokenUser, type UserFrom } from './token-user.ts';

/** An operation that Redis has not answered by then is answered 503. */
export const OPERATION_DEADLINE_MS = 2500;

type Schema = v.GenericSchema<unknown, unknown>;
type QuerySchema = v.ObjectSchema<v.ObjectEntries, undefined>;
/** The event as a handler sees it: with the request that was read from it. */
export type RequestEvent<S extends Schema> = APIGatewayProxyEventV2 & { request: v.InferOutput<S> };
type Middleware<S extends Schema> = middy.MiddlewareObj<RequestEvent<S>, APIGatewayProxyStructuredResultV2>;

/** The pipeline of a route that takes a JSON body. Add the handler with `.handler()`. */
export const bodyRoute = <S extends Schema>(schema: S, userFrom?: UserFrom) => route<S>().use(checked(schema, jsonBody, userFrom));

/** The pipeline of a route that takes query parameters. Add the handler with `.handler()`. */
export function queryRoute<S extends QuerySchema>(schema: S, userFrom?: UserFrom) {
  const names = Object.keys(schema.entries);
  return route<S>().use(checked(schema, (event) => queryParameters(event.rawQueryString, names), userFrom));
}

/** The deadline is the operation's own, so middy's is off. */
const route = <S extends Schema>() =>
  middy<RequestEvent<S>, APIGatewayProxyStructuredResultV2>({ timeoutEarlyInMillis: 0 }).use(errorEnvelope<S>());

/**
 * Waits for an operation until the deadline.
 * @throws RedisUnavailable when it passes; the operation may still happen, and every one may be repeated.
 */
export function withinDeadline<T>(operation: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new RedisUnavailable(`no answer within ${OPERATION_DEADLINE_MS} ms`)), OPERATION_DEADLINE_MS);
    operation.then(
      (answer) => {
        clearTimeout(timer);
        return resolve(answer);
      },
      (error: unknown) => {
        clearTimeout(timer);
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- whatever it was, unchanged
        reject(error);
      },
    );
  });
}

function errorEnvelope<S extends Schema>(): Middleware<S> {
  return {
    onError: (request) => {
      const error = toHttpError(request.error);
      const requestId = request.event.requestContext.requestId;
      if (error.code === 'UNAVAILABLE' || error.code === 'INTERNAL_ERROR') {
        const functionRequestId = request.context.awsRequestId;
        logger.error('A request failed', { requestId, functionRequestId, ...subjectOf(request.event.request), code: error.code, error: loggedError(request.error) });
        count('apiErrors');
        publishMetrics();
      }
      request.response = failure(error, requestId);
    },
  };
}

/** While Redis is away every request fails, thousands a second, all for the same reason: without stacks a line is 0.4 KB instead of 1.8. */
const loggedError = (error: unknown): unknown => (error instanceof RedisUnavailable ? { name: error.name, message: error.message } : error);

/** Whom a request was about, as it may stand in a log; nothing of one that was refused before it was read. */
function subjectOf(request: unknown): { promotionId?: unknown; user?: string } {
  if (typeof request !== 'object' || request === null) return {};
  const { promotionId, userId } = request as { promotionId?: unknown; userId?: unknown };
  return { promotionId, ...(typeof userId === 'string' && { user: hashed(userId) }) };
}

function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof RedisUnavailable) return new HttpError('UNAVAILABLE');
  return new HttpError('INTERNAL_ERROR');
}

/** The operator's routes name no user. */
function checked<S extends Schema>(schema: S, read: (event: APIGatewayProxyEventV2) => unknown, userFrom: UserFrom = 'request'): Middleware<S> {
  return {
    before: ({ event }) => {
      const user = tokenUser(event, userFrom);
      const input = read(event);
      if (typeof input !== 'object' || input === null || Array.isArray(input)) {
        throw new HttpError('INVALID_REQUEST', [{ field: 'body', rule: 'JSON 객체여야 합니다.' }]);
      }
      const result = v.safeParse(schema, user === undefined ? input : { userId: user, ...input });
      if (!result.success) throw new HttpError('INVALID_REQUEST', result.issues.map(toDetail));
      if (user !== undefined) checkSameUser(user, result.output, event.requestContext.requestId);
      event.request = result.output;
    },
  };
}

function toDetail(issue: v.BaseIssue<unknown>): Detail {
  const field = v.getDotPath(issue) ?? 'body';
  if (issue.input === undefined) return { field, rule: '필수 항목입니다.' };
  return { field, rule: issue.input === REPEATED ? '한 번만 보내야 합니다.' : issue.message };
}

/** Stands for a query parameter that was sent more than once; no rule allows it. */
const REPEATED = Symbol('repeated');

/** These query parameters, from the raw string: API Gateway joins repeated ones with commas, which would hide them. */
function queryParameters(rawQueryString: string, names: string[]): Record<string, string | typeof REPEATED> {
  // URLSearchParams drops a question mark at the front: of `??promotionId=1` the second one belongs to the name.
  const parameters = new URLSearchParams(`?${rawQueryString}`);
  const read: Record<string, string | typeof REPEATED> = {};
  for (const name of names) {
    const [value, ...more] = parameters.getAll(name);
    if (value !== undefined) read[name] = more.length > 0 ? REPEATED : value;
  }
  return read;
}
