import { createHmac, hash } from 'node:crypto';

/** Whom a token lets in, and where. */
export interface TokenSubject {
  /** The ElastiCache user: its id, which with IAM authentication is its name too. */
  user: string;
  /** The id of the replication group; it stands where a URL has its host. */
  replicationGroup: string;
  region: string;
}

export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  /** Of a role's credentials, as those of a Lambda function are. */
  sessionToken?: string | undefined;
}

/** A token lets connections begin for so long, the most that ElastiCache takes; one that has begun lasts up to 12 h. */
export const TOKEN_EXPIRES_SECONDS = 900;

const SERVICE = 'elasticache';
const ALGORITHM = 'AWS4-HMAC-SHA256';
const sha256 = (text: string) => hash('sha256', text);
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
/** As AWS counts it: all but letters, digits, '-', '_', '.' and '~' are escaped. */
const escaped = (text: string) => encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

/**
 * The password of an ElastiCache user who signs in by IAM: a GET request presigned with SigV4, without its `https://`. It is made without
 * asking anyone and without waiting, in 50 µs, so each connection can have one of its own and none is ever stale; AWS's own signer
 * answers by a promise, which ioredis does not wait for.
 */
export function signToken({ user, replicationGroup, region }: TokenSubject, credentials: AwsCredentials, now = new Date()): string {
  const host = replicationGroup.toLowerCase();
  const time = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/${SERVICE}/aws4_request`;
  const parameters: Record<string, string> = {
    Action: 'connect',
    User: user,
    'X-Amz-Algorithm': ALGORITHM,
    'X-Amz-Credential': `${credentials.accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(TOKEN_EXPIRES_SECONDS),
    ...(credentials.sessionToken && { 'X-Amz-Security-Token': credentials.sessionToken }),
    'X-Amz-SignedHeaders': 'host',
  };
  // In the order of their names, which is the order above.
  const query = Object.entries(parameters)
    .map(([name, value]) => `${name}=${escaped(value)}`)
    .join('&');
  const request = ['GET', '/', query, `host:${host}`, '', 'host', sha256('')].join('\n');
  const toSign = [ALGORITHM, time, scope, sha256(request)].join('\n');
  const key = [day, region, SERVICE, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${credentials.secretAccessKey}`);
  return `${host}/?${query}&X-Amz-Signature=${hmac(key, toSign).toString('hex')}`;
}
