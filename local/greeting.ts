import { join, relative } from 'node:path';
import { withoutPassword } from './external-redis.ts';
import type { System } from './system.ts';

/** What operators sign for; the local run has one region. */
const SIGNING_SCOPE = 'aws:amz:us-east-1:execute-api';

/**
 * What is said once the system runs: where, and commands to try it by, ready to be pasted into a shell.
 * @param defaultDataDir the data folder that needs no mention
 */
export function greeting({ endpoints: { apiUrl, redisUrl, sqsEndpoint }, auth }: Pick<System, 'endpoints' | 'auth'>, dataDir: string, defaultDataDir: string): string {
  const url = `${apiUrl}/api/coupon/queue`;
  const [token, signed] = auth ? [' -H "authorization: Bearer $TOKEN"', ` --aws-sigv4 ${SIGNING_SCOPE} --user "$OPERATOR"`] : ['', ''];
  const folder = dataDir === defaultDataDir ? '' : ` --data-dir ${shellWord(dataDir)}`;
  const keys = [
    `  OPERATOR=$(npm -s run token -- --operator${folder})`,
    `  TOKEN=$(npm -s run token -- --sub user1${folder})`,
  ];
  const post = (route: string, more: string, body: object): string =>
    `  curl -s ${url}/${route}${more} -H 'content-type: application/json' -d '${JSON.stringify(body)}'`;
  return [
    `The coupon queue is ready at ${apiUrl} (Redis ${withoutPassword(redisUrl)}, SQS ${sqsEndpoint}; logs in ${relative('.', join(dataDir, 'logs'))}).`,
    ...(auth ? ['Users need a token, operators sign. Try it:', ...keys] : ['Try it:']),
    post('init-stock', signed, { promotionId: 1, stock: 100 }),
    post('join', token, { promotionId: 1, ...(auth ? {} : { userId: 100 }) }),
    `  curl -s '${url}/status?promotionId=1${auth ? '' : '&userId=100'}'${token}`,
    'Stop it with Ctrl-C.',
  ].join('\n');
}

/** A text as one word of a shell's command line, whatever is in it. */
const shellWord = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
