import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Admit, Verdict } from './admission.ts';
import { ACCOUNT_ID, REGION } from './intrinsics.ts';
import { gatewayAnswer } from './payload.ts';

/** What an operator signs with. */
export interface OperatorKey {
  accessKeyId: string;
  secretAccessKey: string;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const SERVICE = 'execute-api';
/** How far the time of a signature may be from the present. */
const CLOCK_WINDOW_MS = 5 * 60_000;

/** A request that can't be admitted, with the reason. */
class Refused extends Error {}

/**
 * Checks the signature (AWS Signature Version 4) of a request as the IAM authorizer of an HTTP API does, but knows one key, which may do
 * everything, and no signatures in the query. The hash of the body is taken from the body: what `x-amz-content-sha256` says of it is not believed.
 * Whatever is wrong, the answer is the same: https://github.com/aws/aws-cdk/issues/21182
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signatureCheck(key: OperatorKey, nowMs: () => number = Date.now): Admit {
  const authorizer = {
    iam: {
      accessKey: key.accessKeyId,
      accountId: ACCOUNT_ID,
      callerId: key.accessKeyId,
      cognitoIdentity: null,
      principalOrgId: null,
      userArn: `arn:aws:iam::${ACCOUNT_ID}:user/operator`,
      userId: key.accessKeyId,
    },
  };
  return (request, body): Verdict => {
    try {
      verify(request, body, key, nowMs());
      return { admitted: true, authorizer };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { admitted: false, reason: error.message, answer: gatewayAnswer(403, 'Forbidden') };
    }
  };
}

/** @throws Refused */
function verify(request: IncomingMessage, body: Buffer, { accessKeyId, secretAccessKey }: OperatorKey, nowMs: number): void {
  const { credential, signedHeaders, signature } = readAuthorization(request);
  const [id, day, region, service, end, ...rest] = credential.split('/');
  if (id !== accessKeyId) throw new Refused('the access key is unknown');
  if (region !== REGION || service !== SERVICE || end !== 'aws4_request' || rest.length > 0) {
    throw new Refused(`the signature is not for ${REGION}/${SERVICE}/aws4_request`);
  }
  const time = only(request, 'x-amz-date') ?? '';
  if (day === undefined || day !== time.slice(0, 8)) throw new Refused('the day of the signature is not that of its x-amz-date');
  if (!(Math.abs(nowMs - parseTime(time)) <= CLOCK_WINDOW_MS)) throw new Refused('the signature is more than 5 minutes from the present');
  checkSigned(request, signedHeaders);

  const canonical = canonicalRequest(request, signedHeaders, sha256(body));
  const toSign = [ALGORITHM, time, `${day}/${region}/${service}/aws4_request`, sha256(Buffer.from(canonical, 'latin1'))].join('\n');
  const signingKey = [day, region, service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  const expected = createHmac('sha256', signingKey).update(toSign).digest();
  if (!timingSafeEqual(expected, Buffer.from(signature, 'hex'))) throw new Refused('the signature is not that of the request');
}

function readAuthorization(request: IncomingMessage): { credential: string; signedHeaders: string[]; signature: string } {
  const header = only(request, 'authorization');
  if (header === undefined) throw new Refused('there is no signature');
  const [, list] = /^AWS4-HMAC-SHA256 +(.+)$/.exec(header) ?? [];
  const parts = new Map(list?.split(',').map((part) => part.trim().split('=', 2) as [string, string | undefined]));
  const [credential, signedHeaders, signature] = ['Credential', 'SignedHeaders', 'Signature'].map((name) => parts.get(name));
  if (credential === undefined || signedHeaders === undefined || !/^[0-9a-f]{64}$/.test(signature ?? '')) {
    throw new Refused('the Authorization header is no signature of version 4');
  }
  return { credential, signedHeaders: signedHeaders.split(';'), signature: signature as string };
}

/** The host, and all that AWS reads from headers, must be signed: else they could be changed on the way. */
function checkSigned({ headersDistinct }: IncomingMessage, signedHeaders: string[]): void {
  const unsigned = Object.keys(headersDistinct).find((name) => (name === 'host' || name.startsWith('x-amz-')) && !signedHeaders.includes(name));
  if (unsigned !== undefined) throw new Refused('the host or an x-amz header is not signed');
  // Temporary credentials have a token; the one key here has none.
  if (headersDistinct['x-amz-security-token'] !== undefined) throw new Refused('the security token is unknown');
}

function canonicalRequest(request: IncomingMessage, signedHeaders: string[], bodyHash: string): string {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  const headers = signedHeaders.map((name) => {
    const values = request.headersDistinct[name];
    if (values === undefined) throw new Refused('a header that was signed is missing');
    return `${name}:${values.map((value) => value.trim().replaceAll(/[ \t]+/g, ' ')).join(',')}\n`;
  });
  return [
    request.method,
    // As it stands in the request line, encoded once more: so it is for all services but S3.
    path.split('/').map(encode).join('/'),
    canonicalQuery(mark === -1 ? '' : url.slice(mark + 1)),
    headers.join(''),
    signedHeaders.join(';'),
    bodyHash,
  ].join('\n');
}

/** Parameters decoded, encoded again in the one way that counts, and sorted by name and value. A plus sign is no space to AWS. */
function canonicalQuery(query: string): string {
  const parameters = query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=');
      const [name, value] = equals === -1 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)];
      return [encode(decode(name)), encode(decode(value))] as const;
    });
  return parameters
    .toSorted(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refused('the query is not percent-encoded');
  }
}

/** RFC 3986, which leaves fewer characters as they are than JavaScript does. */
const encode = (text: string): string => encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** The one value of a header; `undefined` if there is none, or more than one. */
function only({ headersDistinct }: IncomingMessage, name: string): string | undefined {
  const values = headersDistinct[name];
  return values?.length === 1 ? values[0] : undefined;
}

/** A time as in x-amz-date, 20261123T120000Z; NaN if it is none. */
function parseTime(time: string): number {
  const [, date, clock] = /^(\d{8})T(\d{6})Z$/.exec(time) ?? [];
  if (date === undefined || clock === undefined) return Number.NaN;
  const parts = [date.slice(0, 4), date.slice(4, 6), date.slice(6)].join('-');
  return Date.parse(`${parts}T${clock.slice(0, 2)}:${clock.slice(2, 4)}:${clock.slice(4)}Z`);
}
