import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose';
import { Failure } from './failure.ts';
import type { OperatorKey } from './signature-check.ts';
import type { TokenRule } from './token-check.ts';

/** The keys of a local run, which outlive it, and whose tokens it takes. */
export interface Auth extends TokenRule {
  operator: OperatorKey;
  /** Private: it signs tokens. */
  signingKey: JWK & { kid: string };
}

const FILE = 'auth.json';
/** For this user only. */
const FILE_MODE = 0o600;
const ALGORITHM = 'RS256';
export const TOKEN_SECONDS = 3600;

/**
 * Reads the keys of a data folder, or makes them if it has none yet, and notes whose tokens the run takes, for who mints one.
 * @throws Failure if the file is not one of these
 */
export async function provideAuth(dataDir: string, rule: TokenRule): Promise<Auth> {
  const file = join(dataDir, FILE);
  const { operator, signingKey } = existsSync(file) ? readAuth(dataDir) : await makeKeys();
  const auth: Auth = { ...rule, operator, signingKey };
  // Whoever mints a token meanwhile finds the old file or the new one, never half of it.
  writeFileSync(`${file}.new`, `${JSON.stringify(auth, undefined, 2)}\n`, { mode: FILE_MODE });
  renameSync(`${file}.new`, file);
  return auth;
}

/**
 * Reads the keys that the runs of a data folder check tokens and signatures with.
 * @throws Failure if there are none, or the file is not one of these
 */
export function readAuth(dataDir: string): Auth {
  const file = join(dataDir, FILE);
  if (!existsSync(file)) throw new Failure(`There are no keys in ${dataDir}: start a local run that takes tokens there first (npm start -- --auth jwt).`);
  try {
    const auth = JSON.parse(readFileSync(file, 'utf8')) as Auth;
    if (typeof auth.signingKey.kid === 'string' && typeof auth.operator.secretAccessKey === 'string' && Array.isArray(auth.scopes)) return auth;
  } catch {
    // Said below.
  }
  throw new Failure(`${file} holds no keys that can be read: delete it, and start the local run again.`);
}

/**
 * Makes a token such as the app would get from the issuer.
 * @param scopes what it allows; without any it is like an ID token
 */
export function mintToken({ issuer, audience, signingKey }: Auth, sub: string, scopes: readonly string[], seconds = TOKEN_SECONDS): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1000);
  return new SignJWT(scopes.length === 0 ? {} : { scope: scopes.join(' ') })
    .setProtectedHeader({ alg: ALGORITHM, kid: signingKey.kid, typ: 'JWT' })
    .setIssuer(issuer)
    .setAudience(audience[0] ?? '')
    .setSubject(sub)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + seconds)
    .sign(signingKey);
}

async function makeKeys(): Promise<Pick<Auth, 'operator' | 'signingKey'>> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  return {
    // In the form of AWS's, but no key of AWS's begins so: it can't be taken for a real one.
    operator: { accessKeyId: `LOCAL${randomBytes(8).toString('hex').toUpperCase()}`, secretAccessKey: randomBytes(30).toString('base64url') },
    signingKey: { ...(await exportJWK(privateKey)), alg: ALGORITHM, use: 'sig', kid: randomBytes(8).toString('hex') },
  };
}
