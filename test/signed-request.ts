import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { OperatorKey } from '../local/signature-check.ts';

export interface Unsigned {
  method: 'GET' | 'POST';
  url: string;
  headers?: Record<string, string>;
  body?: string;
}

/** What AWS's own signer is told besides the key. */
export interface Signing {
  /** How old the signature is; a future one is younger than 0. */
  ageMs?: number;
  region?: string;
  service?: string;
  sessionToken?: string;
  /** Whether `x-amz-content-sha256` is sent too. */
  hashHeader?: boolean;
}

/** The headers with which AWS's own signer would send a request. */
export async function signedHeaders(key: OperatorKey, { method, url, headers = {}, body }: Unsigned, signing: Signing = {}): Promise<Record<string, string>> {
  const { protocol, host, hostname, port, pathname, searchParams } = new URL(url);
  const query: Record<string, string[]> = {};
  for (const [name, value] of searchParams) (query[name] ??= []).push(value);
  const { ageMs = 0, region = 'us-east-1', service = 'execute-api', sessionToken, hashHeader = false } = signing;
  const signer = new SignatureV4({
    service,
    region,
    credentials: { ...key, ...(sessionToken !== undefined && { sessionToken }) },
    sha256: Sha256,
    applyChecksum: hashHeader,
  });
  const request = { method, protocol, hostname, port: Number(port), path: pathname, query, headers: { host, ...headers }, body };
  const signed = await signer.sign(request, { signingDate: new Date(Date.now() - ageMs) });
  return signed.headers;
}
