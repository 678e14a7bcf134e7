import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRemoteJWKSet, type JWTVerifyGetKey } from 'jose';
import type { Auth } from './auth-file.ts';

export interface TokenIssuer {
  /** Where its public keys are. */
  keysUrl: string;
  /** Finds them there, as API Gateway does, and keeps them. */
  keys: JWTVerifyGetKey;
  stop: () => void;
}

const KEYS_PATH = '/.well-known/jwks.json';
const REQUEST_TIMEOUT_MS = 2000;

/** Stands in for the issuer that the template names: serves its public keys on the loopback interface. */
export async function startTokenIssuer({ signingKey }: Auth): Promise<TokenIssuer> {
  const { kty, n, e, alg, use, kid } = signingKey;
  const keys = JSON.stringify({ keys: [{ kty, n, e, alg, use, kid }] });
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    const found = request.method === 'GET' && request.url === KEYS_PATH;
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' }).end(found ? keys : '{}');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const keysUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}${KEYS_PATH}`;
  return {
    keysUrl,
    keys: createRemoteJWKSet(new URL(keysUrl), { timeoutDuration: REQUEST_TIMEOUT_MS }),
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
