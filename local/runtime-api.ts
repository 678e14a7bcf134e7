import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { functionArn } from './intrinsics.ts';

/** One call of a function, as the Runtime API hands it to a process. */
export interface RuntimeCall {
  requestId: string;
  payload: string;
  deadlineMs: number;
}

/** A function's own account of what went wrong. */
export interface FunctionError {
  errorType: string;
  errorMessage: string;
}

/** What a function process says through the Runtime API. */
export interface RuntimeListener {
  /** It asks for a call; `take` hands it one. */
  ready(take: (call: RuntimeCall) => void): void;
  answered(requestId: string, payload: string): void;
  failed(requestId: string, error: FunctionError): void;
  initFailed(error: FunctionError): void;
}

export interface RuntimeApi {
  /** Gives a function process its address (AWS_LAMBDA_RUNTIME_API), known to nobody else. */
  attach(functionName: string, listener: RuntimeListener): { address: string; detach: () => void };
  stop(): Promise<void>;
}

/** Lambda's own limit of a response, 6 MB; https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const RESPONSE_BYTES_MAX = 6_291_556;

/**
 * Starts the Lambda Runtime API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html) on a free loopback port.
 * Each function process has a path of its own in front of it; clients append theirs to the address, so this needs no port each.
 */
export async function startRuntimeApi(): Promise<RuntimeApi> {
  const processes = new Map<string, { functionName: string; listener: RuntimeListener }>();
  const server = createServer((request, response) => {
    const [, id = '', , , kind, requestId = '', verb] = (request.url ?? '').split('/');
    const process = processes.get(id);
    if (process === undefined) {
      answer(response, 403);
    } else if (request.method === 'GET' && kind === 'invocation' && requestId === 'next') {
      process.listener.ready((call) => hand(response, process.functionName, call));
    } else if (request.method === 'POST' && kind === 'init' && requestId === 'error') {
      receive(request, response, (body) => process.listener.initFailed(parseError(body)));
    } else if (request.method === 'POST' && kind === 'invocation' && verb === 'response') {
      receive(
        request,
        response,
        (body) => process.listener.answered(requestId, body),
        () => process.listener.failed(requestId, responseTooLarge),
      );
    } else if (request.method === 'POST' && kind === 'invocation' && verb === 'error') {
      receive(request, response, (body) => process.listener.failed(requestId, parseError(body)));
    } else {
      answer(response, 404);
    }
  });
  // A process may wait for its next call for hours, and may take minutes for one.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    attach(functionName, listener) {
      const id = randomUUID();
      processes.set(id, { functionName, listener });
      return { address: `127.0.0.1:${port}/${id}`, detach: () => processes.delete(id) };
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const responseTooLarge: FunctionError = {
  errorType: 'Function.ResponseSizeTooLarge',
  errorMessage: `Response payload size exceeded maximum allowed payload size (${RESPONSE_BYTES_MAX} bytes).`,
};

function hand(response: ServerResponse, functionName: string, call: RuntimeCall): void {
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(call.payload),
    'lambda-runtime-aws-request-id': call.requestId,
    'lambda-runtime-deadline-ms': call.deadlineMs,
    'lambda-runtime-invoked-function-arn': functionArn(functionName),
  });
  response.end(call.payload);
}

function answer(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0 }).end();
}

function receive(request: IncomingMessage, response: ServerResponse, done: (body: string) => void, tooLarge = (): void => {}): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= RESPONSE_BYTES_MAX) chunks.push(chunk);
  });
  request.on('end', () => {
    if (bytes > RESPONSE_BYTES_MAX) {
      answer(response, 413);
      tooLarge();
    } else {
      answer(response, 202);
      done(Buffer.concat(chunks).toString());
    }
  });
  // A process that dies in the middle of its answer is noticed by its exit.
  request.on('error', () => {});
}

function parseError(body: string): FunctionError {
  try {
    const { errorType, errorMessage } = JSON.parse(body) as Partial<FunctionError>;
    return { errorType: String(errorType), errorMessage: String(errorMessage) };
  } catch {
    return { errorType: 'Runtime.MalformedError', errorMessage: 'The function reported an error that is not JSON.' };
  }
}
