import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Admit } from './admission.ts';
import type { CorsModel } from './api-template.ts';
import { permitted, preflightAnswer } from './cors.ts';
import { Failure, firstLine } from './failure.ts';
import type { InvokeResult } from './function-process.ts';
import { gatewayAnswer, internalServerError, toEvent, toHttpAnswer, type HttpAnswer } from './payload.ts';

/** One route: what calls its function, and how long API Gateway waits for that. */
export interface Route {
  method: string;
  path: string;
  timeoutMs: number;
  /** Decides who may call it; without it anyone may. */
  admit?: Admit | undefined;
  invoke(payload: string, waitMsMax: number): Promise<InvokeResult>;
}

export interface HttpApiOptions {
  /** How long a client may take to send its request. */
  requestTimeoutMs?: number;
  /** The web pages that may call; none without it. */
  cors?: CorsModel | undefined;
  /** Hears of requests that were turned away, in a sentence. */
  refused?: (sentence: string) => void;
}

export interface HttpApi {
  url: string;
  /** Takes no more requests, waits up to `graceMs` for those under way, then cuts them off. */
  stop(graceMs: number): Promise<void>;
}

// Quotas of HTTP APIs: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const BODY_BYTES_MAX = 10_000_000;
/** Lambda takes no larger events: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const EVENT_BYTES_MAX = 6_291_556;
/** Request line and headers together. */
const HEADER_BYTES_MAX = 10_240;
/** A client that is slower than this to send its request is cut off, unless another time is given. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How often Node looks for such clients; by itself only twice a minute. */
const SLOW_CLIENT_CHECK_MS = 1_000;
const KEEP_ALIVE_TIMEOUT_MS = 60_000;
/** A crowd's phones each hold a connection. */
const CONNECTIONS_MAX = 30_000;
const BACKLOG = 4096;
const DRAIN_POLL_MS = 20;

/**
 * Serves routes on the loopback interface as an API Gateway HTTP API does.
 * @param port 0 for any
 * @throws Failure if the port is taken or not allowed.
 */
export async function startHttpApi(routes: readonly Route[], port: number, options: HttpApiOptions = {}): Promise<HttpApi> {
  const { requestTimeoutMs = REQUEST_TIMEOUT_MS, cors } = options;
  const byKey = new Map(routes.map((route) => [`${route.method} ${route.path}`, route]));
  const underWay = new Set<ServerResponse>();
  let stopping = false;
  const settings = {
    maxHeaderSize: HEADER_BYTES_MAX,
    requestTimeout: requestTimeoutMs,
    headersTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(SLOW_CLIENT_CHECK_MS, requestTimeoutMs),
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    // Node would answer without a body.
    requireHostHeader: false,
  };
  const server = createServer(settings, (request, response) => {
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    const routeKey = `${request.method} ${mark === -1 ? url : url.slice(0, mark)}`;
    const requestId = randomUUID();
    underWay.add(response);
    response.once('close', () => underWay.delete(response));
    readBody(request, (body) => {
      if (stopping) response.setHeader('connection', 'close');
      const route = byKey.get(routeKey);
      const preflight = cors && preflightAnswer(cors, request);
      if (lacksHost(request)) write(response, gatewayAnswer(400, 'Bad Request'), requestId);
      else if (body === undefined) tooLarge(request, response, requestId);
      else if (preflight !== undefined) write(response, preflight, requestId);
      else if (route === undefined) write(response, gatewayAnswer(404, 'Not Found'), requestId);
      else void serve({ route, routeKey, request, response, requestId, body, options });
    });
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    response.setHeader('connection', 'close');
    write(response, gatewayAnswer(417, 'Expectation Failed'), randomUUID());
  });
  server.on('clientError', refuse);
  await listen(server, port);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop(graceMs) {
      stopping = true;
      const closed = new Promise((resolve) => server.close(resolve));
      const deadlineMs = Date.now() + graceMs;
      while (underWay.size > 0 && Date.now() < deadlineMs) await pause(DRAIN_POLL_MS);
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Checks that a port can be listened on, before anything slow is begun. @throws Failure if not. */
export async function checkPort(port: number): Promise<void> {
  const server = createServer();
  await listen(server, port);
  await new Promise((resolve) => server.close(resolve));
}

async function listen(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host: '127.0.0.1', backlog: BACKLOG }, resolve);
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') throw new Failure(`Port ${port} is taken: stop what listens there, or choose another with PORT=….`);
    if (code === 'EACCES') throw new Failure(`Port ${port} is not allowed for this user: choose one above 1023 with PORT=….`);
    throw error;
  }
}

interface Call {
  route: Route;
  routeKey: string;
  request: IncomingMessage;
  response: ServerResponse;
  requestId: string;
  body: Buffer;
  options: HttpApiOptions;
}

/** Answers a request of a route. A fault of our own is answered 500, as unhandled it would end the whole run. */
async function serve(call: Call): Promise<void> {
  const { routeKey, response, requestId, options } = call;
  try {
    await answer(call);
  } catch (error) {
    options.refused?.(`${routeKey} was answered 500 (${requestId}), a fault of the local run: ${firstLine(error)}.`);
    if (!response.headersSent) write(response, internalServerError(), requestId);
  }
}

async function answer({ route, routeKey, request, response, requestId, body, options: { cors, refused } }: Call): Promise<void> {
  const verdict = route.admit && (await route.admit(request, body));
  if (verdict?.admitted === false) {
    refused?.(`${routeKey} was refused with ${verdict.answer.status} (${requestId}): ${verdict.reason}.`);
    return write(response, verdict.answer, requestId);
  }
  const event = toEvent(request, routeKey, requestId, body, verdict?.authorizer);
  if (Buffer.byteLength(event) > EVENT_BYTES_MAX) return write(response, entityTooLarge(), requestId);
  // A call that is still running when the gateway gives up goes on, as on AWS, but nobody waits for it.
  const gaveUp = setTimeout(() => write(response, serviceUnavailable(), requestId), route.timeoutMs);
  const result = await route.invoke(event, route.timeoutMs);
  clearTimeout(gaveUp);
  if (response.headersSent) return;
  const answered = answerOf(result);
  write(response, cors ? permitted(cors, request, answered) : answered, requestId);
}

/** An HTTP API answers a function error with 500, and a timeout or a throttled function with 503. */
function answerOf(result: InvokeResult): HttpAnswer {
  if (result.outcome === 'answered') return toHttpAnswer(result.payload);
  return result.outcome === 'failed' ? internalServerError() : serviceUnavailable();
}

const entityTooLarge = (): HttpAnswer => gatewayAnswer(413, 'Request Entity Too Large');
const serviceUnavailable = (): HttpAnswer => gatewayAnswer(503, 'Service Unavailable');

function write(response: ServerResponse, answer: HttpAnswer, requestId: string): void {
  // Of a 204 HTTP forbids to say how long it is.
  const length = answer.status === 204 ? {} : { 'content-length': Buffer.byteLength(answer.body) };
  const headers = { ...answer.headers, ...length, 'apigw-requestid': requestId };
  try {
    response.writeHead(answer.status, headers).end(answer.body);
  } catch {
    // The function's headers can't be sent: a name or a value that HTTP forbids.
    const instead = internalServerError();
    response.writeHead(instead.status, { ...instead.headers, 'apigw-requestid': requestId }).end(instead.body);
  }
}

/** HTTP/1.1 demands a host: https://www.rfc-editor.org/rfc/rfc9112#section-3.2 */
const lacksHost = ({ httpVersion, headers }: IncomingMessage): boolean => httpVersion === '1.1' && headers.host === undefined;

/** Reads a body to its end; `undefined` if it is too large. A client that goes away in the middle gets no answer. */
function readBody(request: IncomingMessage, done: (body: Buffer | undefined) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= BODY_BYTES_MAX) {
      chunks.push(chunk);
    } else {
      request.removeAllListeners('data').removeAllListeners('end');
      done(undefined);
    }
  });
  request.on('end', () => done(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
  request.on('error', () => {});
}

function tooLarge(request: IncomingMessage, response: ServerResponse, requestId: string): void {
  response.setHeader('connection', 'close');
  write(response, entityTooLarge(), requestId);
  // Swallows what is still under way, so that the client comes to read the answer; the request timeout bounds it.
  request.resume();
}

/** Answers what is no proper HTTP request. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [431, 'Request Header Fields Too Large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, 'Request Timeout']
        : [400, 'Bad Request'];
  const body = JSON.stringify({ message });
  socket.end(
    `HTTP/1.1 ${status} ${message}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
}
