import type { APIGatewayProxyEventV2, APIGatewayProxyEventV2WithJWTAuthorizer } from 'aws-lambda';
import { USER_ID } from '../queue/ids.ts';
import { hashed, logger } from '../telemetry.ts';
import { HttpError } from './envelope.ts';

/** An event of a route with or without the authorizer of tokens. */
type MaybeAuthorized = Partial<APIGatewayProxyEventV2WithJWTAuthorizer['requestContext']>;

/** What names the user of a request: `token` its token and nothing else, `request` its own `userId` where there is no token. */
export type UserFrom = 'token' | 'request';

/**
 * The user whom the caller's token names; undefined on a route that takes no tokens. API Gateway has verified the token, so its `sub`
 * is to be believed, and nothing that the request says of itself.
 * @throws HttpError if the `sub` is no user id: such a user can't stand in a line; or if there should be a token and is none
 */
export function tokenUser({ requestContext }: APIGatewayProxyEventV2, from: UserFrom): string | undefined {
  const { authorizer } = requestContext as MaybeAuthorized;
  if (authorizer?.jwt === undefined) {
    if (from === 'request') return undefined;
    throw forbidden(requestContext.requestId, 'the request came past the authorizer of tokens');
  }
  const sub: unknown = authorizer.jwt.claims?.['sub'];
  if (typeof sub === 'string' && USER_ID.test(sub)) return sub;
  if (sub === undefined) throw forbidden(requestContext.requestId, 'the token has no sub');
  throw forbidden(requestContext.requestId, 'the sub of the token is no user id', typeof sub === 'string' ? sub : JSON.stringify(sub));
}

/**
 * Refuses to act for anyone but the user of the token.
 * @throws HttpError if the request names another
 */
export function checkSameUser(user: string, request: unknown, requestId: string): void {
  if (typeof request !== 'object' || request === null || !('userId' in request) || request.userId === user) return;
  throw forbidden(requestId, 'the request names another user than the token', user);
}

function forbidden(requestId: string, reason: string, user?: string): HttpError {
  logger.warn('A caller was refused', { requestId, code: 'FORBIDDEN', reason, ...(user !== undefined && { user: hashed(user) }) });
  return new HttpError('FORBIDDEN');
}
