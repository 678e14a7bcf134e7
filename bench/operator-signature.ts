import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AwsCredentials } from '../lambda/queue/redis-token.ts';

/** What is sent, as far as it is signed. */
export interface Unsigned {
  method: 'GET' | 'POST';
  url: URL;
  headers: Record<string, string>;
  body: string | undefined;
}

const SERVICE = 'execute-api';
/** The address of an API that has no name of its own says its region. */
const API_HOST = /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/;

/** The region that an API's address names, if it does. */
export const regionOf = (url: URL): string | undefined => API_HOST.exec(url.hostname)?.[1];

/** Answers the headers of a request with its signature (AWS Signature Version 4), as an IAM authorizer wants it. */
export async function signedHeaders({ method, url, headers, body }: Unsigned, credentials: AwsCredentials, region: string): Promise<Record<string, string>> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const signer = new SignatureV4({
    service: SERVICE,
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
    sha256: Sha256,
  });
  const { protocol, host, hostname, port, pathname, searchParams } = url;
  const signed = await signer.sign({
    method,
    protocol,
    hostname,
    ...(port !== '' && { port: Number(port) }),
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: { ...headers, host },
    body,
  });
  // fetch sets the host itself, to the same.
  const { host: _host, ...rest } = signed.headers;
  return rest;
}
