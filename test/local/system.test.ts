import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { inspectRedis } from '../../local/external-redis.ts';
import { startRedis } from '../../local/redis-server.ts';
import { startSystem, type System, type SystemOptions } from '../../local/system.ts';
import { temporaryDir, tinyTemplate, writeAssembly } from './tiny-assembly.ts';

const sdk = import.meta.resolve('@aws-sdk/client-sqs');
/** Puts what it is sent into the queue. */
const Front = `
  import { SendMessageCommand, SQSClient } from ${JSON.stringify(sdk)};
  const sqs = new SQSClient({});
  export const handler = async (event) => {
    await sqs.send(new SendMessageCommand({ QueueUrl: process.env.QUEUE_URL, MessageBody: event.body }));
    return { statusCode: 202, body: process.env.REDIS_URL + ' ' + process.env.REDIS_MODE };
  };`;
const Worker = 'export const handler = async ({ Records }) => { for (const { body } of Records) console.error("worked on " + body); };';
const Clock = 'export const handler = async (event) => console.error("clock of shard " + event.shard);';

async function start(options: Partial<SystemOptions> = {}): Promise<{ system: System; dataDir: string; lines: string[] }> {
  const lines: string[] = [];
  const dataDir = options.dataDir ?? temporaryDir();
  const assemblyDir = writeAssembly(tinyTemplate(), { Front, Worker, Clock });
  const system = await startSystem({ dataDir, port: 0, assemblyDir, log: (line) => lines.push(line), ...options });
  onTestFinished(() => system.stop());
  return { system, dataDir, lines };
}

const post = (system: System, body: string): Promise<Response> =>
  fetch(`${system.apiUrl}/work`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });

it('runs what a template deploys, and ends it without a trace', async () => {
  const dataDir = temporaryDir();
  writeFileSync(join(dataDir, 'endpoints.json'), 'of a run that was killed');
  const { system, lines } = await start({ dataDir });
  const file = join(dataDir, 'endpoints.json');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(system.endpoints);
  expect(statSync(file).mode & 0o077).toBe(0);

  const response = await post(system, '"a message"');
  expect([response.status, await response.text()]).toEqual([202, `${system.endpoints.redisUrl} cluster`]);
  await vi.waitFor(() => {
    expect(lines).toContain('worker: worked on "a message"');
    expect(lines).toContain('clock: clock of shard 0');
  }, 8000);
  await expect(startSystem({ dataDir, port: 0 })).rejects.toThrow(/^Another local run uses .*: stop it first\.$/);

  await post(system, '"the last"');
  await system.stop();
  // What was in the queue when the stop began is still worked off.
  expect(lines).toContain('worker: worked on "the last"');
  expect(existsSync(file)).toBe(false);
  await expect(post(system, '{}')).rejects.toThrow('fetch failed');
  const redis = new Redis(system.endpoints.redisUrl, { lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => {});
  await expect(redis.connect()).rejects.toThrow(/closed|ECONNREFUSED/);
  expect(lines.filter((line) => !/^(worker|clock): /.test(line))).toEqual([]);
}, 20_000);

it('says why it cannot go on when its Redis dies', async () => {
  const { system } = await start();
  const redis = new Redis(system.endpoints.redisUrl);
  redis.on('error', () => {});
  const pid = Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]);
  redis.disconnect();
  process.kill(pid, 'SIGKILL');
  expect(await system.failed).toMatch(/^Redis .*The local run can't go on without it: start it again\.$/s);
}, 20_000);

it.each([
  ['a URL of something else', 'http://127.0.0.1:6379', /^REDIS_URL must be a redis:\/\/ or rediss:\/\/ URL/],
  ['nobody there', 'redis://:secret@127.0.0.1:1', /^No Redis answers at redis:\/\/:\*\*\*@127\.0\.0\.1:1 \(.*ECONNREFUSED.*\): check REDIS_URL/],
])('refuses a Redis URL with %s, and leaves its folder free', async (_what, redisUrl, message) => {
  const dataDir = temporaryDir();
  await expect(start({ dataDir, redisUrl })).rejects.toThrow(message);
  await expect(start({ dataDir, redisUrl })).rejects.toThrow(message);
});

it.each(['sqs', 'logs', 'redis'])('says that it cannot write %s/', async (name) => {
  const dataDir = temporaryDir();
  const path = join(dataDir, name);
  writeFileSync(path, '');
  const refused = start({ dataDir });
  await expect(refused).rejects.toThrow(`${path} can't be written (EEXIST: file already exists): make it writable`);
});

it.skipIf(process.getuid?.() === 0)('names the file that it cannot write', async () => {
  const dataDir = temporaryDir();
  mkdirSync(join(dataDir, 'logs'));
  const path = join(dataDir, 'logs', 'join.log');
  writeFileSync(path, '', { mode: 0o400 });
  const refused = start({ dataDir });
  await expect(refused).rejects.toThrow(`${path} can't be written (EACCES: permission denied): make it writable`);
});

it('uses the Redis that it is given, warns of one that evicts, and keeps queued messages for the next start', async () => {
  const redis = await startRedis({ dataDir: temporaryDir(), extraArgs: ['--maxmemory-policy', 'allkeys-lru'] });
  onTestFinished(() => redis.stop());
  const dataDir = temporaryDir();
  const assemblyDir = writeAssembly(tinyTemplate(), { Front, Clock, Worker: 'export const handler = async () => { throw new Error("not now"); };' });
  const first = await start({ dataDir, redisUrl: redis.url, assemblyDir });
  expect(first.lines[0]).toMatch(/^Warning: The Redis at redis:\/\/127.* evicts keys \(maxmemory-policy allkeys-lru\)/);
  expect(first.system.endpoints.redisUrl).toBe(redis.url);
  await post(first.system, '"kept"');
  await first.system.stop();
  expect(existsSync(join(dataDir, 'redis'))).toBe(false);
  expect(await inspectRedis(redis.url)).toMatchObject({ mode: 'cluster' });

  const second = await start({ dataDir, redisUrl: redis.url });
  const inspected = await fetch(`${second.system.endpoints.sqsEndpoint}/_fauxqs/queues/Queue`);
  expect(await inspected.text()).toContain('kept');
}, 20_000);
