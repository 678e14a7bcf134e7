import type { Node } from 'constructs';
import { TOKEN_SCOPES, type Stage, type StageName, type TokenAuth } from './stages.ts';

/** What names the issuer of tokens by context: `issuer`, and `audience`, several of them with commas between. */
export const AUTH_CONTEXT_KEYS = ['issuer', 'audience'] as const;

/** The only stage that may be open to anyone. */
const OPEN_STAGE: StageName = 'dev';

/** A scope as RFC 6749 has it, section 3.3: a token lists several with spaces between. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const ORIGIN = /^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/;

/**
 * Who may call a stage: what lib/stages.ts says, with the issuer and audience of the context where they are given. An issuer and an
 * audience close a stage that is open.
 * @throws Error in one sentence if any stage but dev would be open, or if it is not said whose tokens are taken
 */
export function readAuth(context: Node, name: StageName, auth: Stage['auth']): Stage['auth'] {
  const issuer = readText(context, 'issuer');
  const audience = readText(context, 'audience')?.split(',');
  if (auth === 'none' && issuer === undefined && audience === undefined) {
    if (name === OPEN_STAGE) return auth;
    throw new Error(
      `The stage ${name} has auth 'none', with which anyone can act as any user and as the operator: only ${OPEN_STAGE} may have that, ` +
        'so give it an issuer, an audience and scopes in lib/stages.ts.',
    );
  }
  const { scopes, ...given } = auth === 'none' ? { issuer: '', audience: [], scopes: TOKEN_SCOPES } : auth;
  return checked(name, { issuer: issuer ?? given.issuer, audience: audience ?? given.audience, scopes });
}

/** @throws Error in one sentence if an entry is no origin, or would let in more than one */
export function checkCorsOrigins(name: StageName, origins: readonly string[]): void {
  const wrong = origins.find((origin) => !ORIGIN.test(origin));
  if (wrong === undefined) return;
  throw new Error(
    `The stage ${name} has ${quoted(wrong)} in corsOrigins, but each must be one exact origin in lower case, such as https://shop.example.com, without a path or *.`,
  );
}

/** The value as it may stand in a message: one line, and not without end. */
export function quoted(value: unknown): string {
  const quotedCharactersMax = 120;
  const text = JSON.stringify(value) ?? String(value);
  return text.length > quotedCharactersMax ? `${text.slice(0, quotedCharactersMax)}…` : text;
}

function checked(name: StageName, auth: TokenAuth): TokenAuth {
  const { issuer, audience, scopes } = auth;
  if (issuer === '' || audience.length === 0) {
    throw new Error(
      `The stage ${name} does not say whose tokens it takes: set auth.issuer and auth.audience in lib/stages.ts, ` +
        'or give -c issuer=https://… -c audience=… (on one machine: npm start -- --auth jwt).',
    );
  }
  if (!isIssuer(issuer)) {
    throw new Error(
      `The issuer of the stage ${name} is ${quoted(issuer)}, but must be the iss of its tokens: an https:// URL without user, query or fragment.`,
    );
  }
  const badAudience = audience.find((entry) => !/^\S+$/.test(entry));
  if (badAudience !== undefined) {
    throw new Error(`The stage ${name} has the audience ${quoted(badAudience)}, but each must be a text without spaces, the aud or client_id of its tokens.`);
  }
  for (const [route, scope] of Object.entries(scopes)) {
    if (!SCOPE.test(scope)) {
      throw new Error(`The stage ${name} has ${quoted(scope)} as scope of ${route}, but must have one, such as ${TOKEN_SCOPES.join}: without it an ID token would do.`);
    }
  }
  return auth;
}

/** API Gateway looks for keys at the issuer's own `.well-known/openid-configuration`, and only by HTTPS. */
function isIssuer(issuer: string): boolean {
  const url = URL.parse(issuer);
  return url?.protocol === 'https:' && url.username === '' && url.password === '' && !/[?#\s]/.test(issuer);
}

function readText(context: Node, key: (typeof AUTH_CONTEXT_KEYS)[number]): string | undefined {
  const value: unknown = context.tryGetContext(key);
  if (value === undefined || typeof value === 'string') return value;
  throw new Error(`The context value ${key} is ${quoted(value)}, but must be a text (-c ${key}=…).`);
}
