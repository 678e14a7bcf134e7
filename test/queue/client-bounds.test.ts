import { createServer, type Socket } from 'node:net';
import { type TestContext, describe, test } from 'vitest';
import { join } from '../../lambda/queue/join.ts';
import { connectRedis, RedisUnavailable } from '../../lambda/queue/redis.ts';

// Each limit of the client by itself, without the deadline that the functions put around an operation.

interface FakeRedis {
  port: number;
  connections: number;
  /** Commands received, the name of each in upper case. */
  commands: string[];
}

/** A server that answers each command as it is told, in RESP2; undefined: never. */
async function fakeRedis({ onTestFinished }: Pick<TestContext, 'onTestFinished'>, answer: (command: string[], fake: FakeRedis) => string | undefined, onConnect: (socket: Socket) => void = () => {}) {
  const fake: FakeRedis = { port: 0, connections: 0, commands: [] };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    fake.connections++;
    sockets.add(socket.on('error', () => undefined));
    onConnect(socket);
    let unread = '';
    socket.on('data', (chunk) => {
      unread += chunk.toString('latin1');
      for (let command = nextCommand(unread); command; command = nextCommand(unread)) {
        unread = unread.slice(command.length);
        fake.commands.push(command.words[0]?.toUpperCase() ?? '');
        const reply = answer(command.words, fake);
        if (reply !== undefined) socket.write(reply);
      }
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  fake.port = (server.address() as { port: number }).port;
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return fake;
}

/** The first whole command of what has come in: an array of bulk strings. */
function nextCommand(text: string): { words: string[]; length: number } | undefined {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (!head) return undefined;
  const words: string[] = [];
  let at = head[0].length;
  for (let i = 0; i < Number(head[1]); i++) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at));
    if (!size) return undefined;
    const from = at + size[0].length;
    const to = from + Number(size[1]);
    if (text.length < to + 2) return undefined;
    words.push(text.slice(from, to));
    at = to + 2;
  }
  return { words, length: at };
}

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
/** CLUSTER SLOTS of a cluster that is this one server. */
const wholeCluster = (port: number) => `*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n${bulk('127.0.0.1')}:${port}\r\n${bulk('0'.repeat(40))}`;

describe.concurrent('the limits of the Redis client', () => {
  test('a command without an answer: 1.5 s, and once more at most', async ({ expect, onTestFinished }) => {
    const fake = await fakeRedis({ onTestFinished }, () => undefined);
    const redis = connectRedis({ url: `redis://127.0.0.1:${fake.port}`, mode: 'single' });
    onTestFinished(() => redis.disconnect());
    const before = performance.now();
    await expect(join(redis, 'p', 'a')).rejects.toBeInstanceOf(RedisUnavailable);
    const tookMs = performance.now() - before;
    expect(tookMs).toBeGreaterThan(1400);
    expect(tookMs).toBeLessThan(2 * 1500 + 1500);
    expect(fake.commands.filter((command) => command === 'EVALSHA').length).toBeLessThanOrEqual(2);
  });

  test('a cluster that does not tell its slots: a bounded number of questions, and no call is sent', async ({ expect, onTestFinished }) => {
    const fake = await fakeRedis({ onTestFinished }, ([name = '']) => (name.toUpperCase() === 'CLIENT' ? '+OK\r\n' : undefined));
    const redis = connectRedis({ url: `redis://127.0.0.1:${fake.port}`, mode: 'cluster' });
    onTestFinished(() => redis.disconnect());
    const before = performance.now();
    await expect(join(redis, 'p', 'a')).rejects.toBeInstanceOf(RedisUnavailable);
    expect(performance.now() - before).toBeLessThan(10_000);
    const asked = fake.commands.filter((command) => command !== 'CLIENT');
    expect(new Set(asked)).toEqual(new Set(['CLUSTER']));
    expect(asked.length).toBeLessThanOrEqual(3);
  });

  test.for(['single', 'cluster'] as const)('%s: a server that hangs up at once: three connections, then the call fails; the next call starts anew', async (mode, { expect, onTestFinished }) => {
    const fake = await fakeRedis({ onTestFinished }, () => undefined, (socket) => void socket.destroy());
    const redis = connectRedis({ url: `redis://127.0.0.1:${fake.port}`, mode });
    onTestFinished(() => redis.disconnect());
    await expect(join(redis, 'p', 'a')).rejects.toBeInstanceOf(RedisUnavailable);
    const first = fake.connections;
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThanOrEqual(3);
    await expect(join(redis, 'p', 'a')).rejects.toBeInstanceOf(RedisUnavailable);
    expect(fake.connections).toBeGreaterThan(first);
    expect(fake.connections).toBeLessThanOrEqual(2 * 3);
  });

  test.for(['MOVED 0 127.0.0.1:', 'ASK 0 127.0.0.1:', 'TRYAGAIN '])('redirected for ever (%s): five times, then the call fails', async (redirection, { expect, onTestFinished }) => {
    const fake = await fakeRedis({ onTestFinished }, ([name = '', sub = ''], { port }) => {
      switch (`${name} ${sub}`.toUpperCase().split(' ')[0]) {
        case 'CLUSTER':
          return sub.toUpperCase() === 'SLOTS' ? wholeCluster(port) : '+OK\r\n';
        case 'EVALSHA':
          return `-${redirection}${redirection.endsWith(':') ? port : ''}\r\n`;
        default:
          return '+OK\r\n';
      }
    });
    const redis = connectRedis({ url: `redis://127.0.0.1:${fake.port}`, mode: 'cluster' });
    onTestFinished(() => redis.disconnect());
    await expect(join(redis, 'p', 'a')).rejects.toBeInstanceOf(RedisUnavailable);
    expect(fake.commands.filter((command) => command === 'EVALSHA')).toHaveLength(1 + 5);
  });
});
