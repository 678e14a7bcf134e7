// The runtime inside a function process: asks the Lambda Runtime API for calls, one at a time, and answers them.
// Plain JavaScript and no imports but Node's own: it runs before the function's bundle, in the function's environment.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// An ESM import of node:http costs 30 ms more than this at every cold start.
const http = process.getBuiltinModule('node:http');
const [authority, ...prefix] = process.env.AWS_LAMBDA_RUNTIME_API.split('/');
const [host, port] = authority.split(':');
const base = ['', ...prefix, '2018-06-01', 'runtime'].join('/');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const HANDLER_ARITY_MAX = 2;

const state = { stopping: false, busy: false };

// The runner holds the other end: when it ends, however it ends, so does this process.
process.stdin.on('end', () => process.exit(1)).on('error', () => process.exit(1)).resume();

// On SIGTERM no time remains: a handler that watches its deadline ends by itself, and after its answer this process does.
process.on('SIGTERM', () => {
  state.stopping = true;
  if (!state.busy) process.exit(0);
});

function ask(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = http.request({ agent, host, port, method, path: base + path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

const describe = (error) =>
  JSON.stringify({
    errorType: error instanceof Error ? error.name : 'Error',
    errorMessage: error instanceof Error ? error.message : String(error),
    stackTrace: error instanceof Error ? (error.stack ?? '').split('\n').slice(1) : [],
  });

async function loadHandler() {
  const handlerName = process.env['_HANDLER'];
  const dot = handlerName.lastIndexOf('.');
  const file = join(process.env.LAMBDA_TASK_ROOT, handlerName.slice(0, dot));
  const path = ['.mjs', '.js', '.cjs'].map((extension) => file + extension).find(existsSync);
  if (path === undefined) throw new Error(`Cannot find the module of the handler ${handlerName}.`);
  const handler = (await import(pathToFileURL(path).href))[handlerName.slice(dot + 1)];
  if (typeof handler !== 'function') throw new Error(`${handlerName} is undefined or not exported.`);
  if (handler.length > HANDLER_ARITY_MAX) throw new Error(`${handlerName} takes a callback, which Node.js 24 on Lambda rejects.`);
  return handler;
}

function contextOf(headers) {
  const deadlineMs = Number(headers['lambda-runtime-deadline-ms']);
  return {
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => (state.stopping ? 0 : Math.max(0, deadlineMs - Date.now())),
  };
}

async function answer(handler, call) {
  const path = `/invocation/${call.headers['lambda-runtime-aws-request-id']}`;
  let result;
  try {
    result = JSON.stringify((await handler(JSON.parse(call.text), contextOf(call.headers))) ?? null);
  } catch (error) {
    await ask('POST', `${path}/error`, describe(error));
    return;
  }
  await ask('POST', `${path}/response`, result);
}

let handler;
try {
  handler = await loadHandler();
} catch (error) {
  await ask('POST', '/init/error', describe(error));
  process.exit(1);
}
while (!state.stopping) {
  const call = await ask('GET', '/invocation/next');
  state.busy = true;
  await answer(handler, call);
  state.busy = false;
}
process.exit(0);
