import type { IncomingMessage } from 'node:http';
import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import type { Admit, Verdict } from './admission.ts';
import { gatewayAnswer, internalServerError } from './payload.ts';

/** Whose tokens are taken, and what they must allow. */
export interface TokenRule {
  issuer: string;
  audience: readonly string[];
  /** One of them must be in the token; with none of them any token will do, as on AWS. */
  scopes: readonly string[];
}

/** API Gateway takes no others. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512'];

/**
 * Checks tokens as the JWT authorizer of an HTTP API does: signature and `kid`, `iss`, `aud` (or `client_id` without one), `exp`, `nbf`, `iat`
 * and the scopes. A token without `exp`, of which AWS says nothing, is refused.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
 * @param keys finds the issuer's public keys
 */
export function tokenCheck({ issuer, audience, scopes }: TokenRule, keys: JWTVerifyGetKey): Admit {
  return async (request) => {
    const token = tokenOf(request);
    if (token === undefined) return unauthorized('there is no token', 'Bearer');
    let claims: JWTPayload;
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys, { algorithms: ALGORITHMS, issuer, requiredClaims: ['exp'] });
      if (protectedHeader.kid === undefined) return invalidToken('the token does not name its key');
      claims = payload;
    } catch (error) {
      const reason = reasonOf(error);
      return reason === undefined ? keysAway(error) : invalidToken(reason);
    }
    const fault = faultOf(claims, audience);
    if (fault !== undefined) return invalidToken(fault);
    const allowed = scopesOf(claims);
    const granted = scopes.filter((scope) => allowed.includes(scope));
    if (scopes.length > 0 && granted.length === 0) return forbidden(scopes);
    return { admitted: true, authorizer: { jwt: { claims: asTexts(claims), scopes: granted.length === 0 ? null : granted } } };
  };
}

/** The header holds a token alone, or one after "Bearer". */
function tokenOf({ headersDistinct }: IncomingMessage): string | undefined {
  const [value, ...more] = headersDistinct['authorization'] ?? [];
  return more.length > 0 ? undefined : /^(?:Bearer +)?(?!Bearer$)(\S+)$/i.exec(value ?? '')?.[1];
}

/** What is wrong with the claims that are left to check. */
function faultOf({ aud, client_id: clientId, iat }: JWTPayload, audience: readonly string[]): string | undefined {
  const named = [aud ?? clientId].flat();
  if (!named.some((entry) => typeof entry === 'string' && audience.includes(entry))) return 'the token does not have a valid audience';
  return iat !== undefined && iat > Date.now() / 1000 ? 'the token was issued in the future' : undefined;
}

/** The scopes of a token: `scp` or `scope`, a list or a text with spaces between. */
function scopesOf({ scp, scope }: JWTPayload): unknown[] {
  return [scp, scope].flatMap((claim) => (typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? (claim as unknown[]) : []));
}

/**
 * Claims as the event carries them: texts, lists as `[a b]`, nothing for null. Not documented; measured on AWS in
 * https://github.com/floci-io/floci/pull/2011
 */
function asTexts(claims: JWTPayload): Record<string, string> {
  const texts: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(claims)) {
    if (value === null || value === undefined) continue;
    texts[name] = Array.isArray(value) ? `[${value.join(' ')}]` : typeof value === 'string' ? value : JSON.stringify(value);
  }
  return texts;
}

/** Why a token does not hold; `undefined` if it could not be checked. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return `the token does not have a valid ${/^\w+$/.test(error.claim) ? error.claim : 'claim'}`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the signature of the token is not the one of its key';
  if (error instanceof errors.JWKSNoMatchingKey) return 'the issuer has no such key';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'the token is not signed with RSA';
  const malformed = error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid || error instanceof errors.JOSENotSupported;
  return malformed ? 'the token is malformed' : undefined;
}

function unauthorized(reason: string, challenge: string): Verdict {
  const answer = gatewayAnswer(401, 'Unauthorized');
  return { admitted: false, reason, answer: { ...answer, headers: { ...answer.headers, 'www-authenticate': challenge } } };
}

/** The form is AWS's; of the descriptions only the one about the audience is known. */
const invalidToken = (reason: string): Verdict => unauthorized(reason, `Bearer scope="" error="invalid_token" error_description="${reason}"`);

/** The challenge is the one of RFC 6750; AWS's own is not documented. */
function forbidden(scopes: readonly string[]): Verdict {
  const answer = gatewayAnswer(403, 'Forbidden');
  const challenge = `Bearer scope="${scopes.join(' ')}" error="insufficient_scope"`;
  return { admitted: false, reason: `the token lacks the scope ${scopes.join(' or ')}`, answer: { ...answer, headers: { ...answer.headers, 'www-authenticate': challenge } } };
}

const keysAway = (error: unknown): Verdict => ({ admitted: false, reason: `the keys of the issuer can't be had: ${String(error)}`, answer: internalServerError() });
