/** An event of API Gateway as Lambda's runtime gets it, before it parses it; made of one that a phone's request caused. */
function gatewayEvent(routeKey: string, rest: Record<string, unknown>): string {
  const [method, path] = routeKey.split(' ');
  const host = 'abcdefghij.execute-api.ap-northeast-2.amazonaws.com';
  return JSON.stringify({
    version: '2.0',
    routeKey,
    rawPath: path,
    rawQueryString: '',
    headers: {
      accept: '*/*',
      'accept-encoding': 'gzip, deflate, br',
      'content-type': 'application/json',
      host,
      'user-agent': 'okhttp/4.12.0',
      'x-amzn-trace-id': 'Root=1-65a1b2c3-0123456789abcdef01234567',
      'x-forwarded-for': '203.0.113.10',
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
    },
    requestContext: {
      accountId: '123456789012',
      apiId: 'abcdefghij',
      domainName: host,
      domainPrefix: 'abcdefghij',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '203.0.113.10', userAgent: 'okhttp/4.12.0' },
      requestId: 'JKJaXmPLvHcESHA=',
      routeKey,
      stage: '$default',
      time: '23/Nov/2026:16:00:00 +0000',
      timeEpoch: 1_795_449_600_000,
    },
    isBase64Encoded: false,
    ...rest,
  });
}

/** What stands for the user in an event that is made once and then sent for many. */
const ANYONE = 'anyone-at-all';

/** A function that puts a user into an event at the cost of joining three strings. */
function forUsers(event: string): (userId: string) => string {
  const [before = '', after = ''] = event.split(ANYONE);
  return (userId) => before + userId + after;
}

/** Events of `POST /join`, by user. */
export const joinEvents = (promotionId: string) =>
  forUsers(gatewayEvent('POST /api/coupon/queue/join', { body: JSON.stringify({ promotionId, userId: ANYONE }) }));

/** Events of `GET /status`, by user. */
export const statusEvents = (promotionId: string) =>
  forUsers(gatewayEvent('GET /api/coupon/queue/status', { rawQueryString: `promotionId=${promotionId}&userId=${ANYONE}` }));
