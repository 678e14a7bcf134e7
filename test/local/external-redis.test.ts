import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { inspectRedis } from '../../local/external-redis.ts';
import { freePort } from '../../local/free-port.ts';
import { spawnGuarded } from '../../local/guardian.ts';
import { findRedisServer } from '../../local/redis-binary.ts';
import { startNode } from '../../local/redis-node.ts';
import { temporaryDir } from './tiny-assembly.ts';

const START_TIMEOUT_MS = 10_000;

/** A Redis as other people run it: no cluster, a password, 16 databases. */
async function startSingle(): Promise<string> {
  const { command, env } = await findRedisServer();
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', temporaryDir(), '--save', '', '--requirepass', 'secret'];
  const redis = await spawnGuarded(command, args, { env: { ...process.env, ...env, LC_ALL: 'C' } });
  onTestFinished(() => redis.stop());
  const address = `127.0.0.1:${port}`;
  await vi.waitFor(() => inspectRedis(`redis://:secret@${address}`), { timeout: START_TIMEOUT_MS, interval: 20 });
  return address;
}

async function addressOf(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const outcomeOf = (url: string): Promise<unknown> => inspectRedis(url).catch((error: Error) => `${error.name}: ${error.message}`);

it('takes a database that there is, and no other; says that a password is missing or wrong', async () => {
  const address = await startSingle();
  expect(await outcomeOf(`redis://:secret@${address}/15`)).toEqual({ mode: 'single', warnings: [] });
  expect(await outcomeOf(`redis://:secret@${address}/16`)).toMatch(
    /^Failure: The Redis at redis:\/\/:\*\*\*@.*\/16 has no database 16 for this run \(ERR .*\): name another in REDIS_URL, or leave it out\.$/,
  );
  const notLetIn = /^Failure: The Redis at .* does not let this run in, because the password in REDIS_URL is missing or wrong \((NOAUTH|WRONGPASS) .*\)\.$/;
  expect(await outcomeOf(`redis://${address}`)).toMatch(notLetIn);
  expect(await outcomeOf(`redis://:guess@${address}`)).toMatch(notLetIn);
  expect(await outcomeOf(`redis://nobody:secret@${address}`)).toMatch(notLetIn);
});

it('refuses a cluster that serves no slots, and a database of a cluster', async () => {
  const node = await startNode({ dataDir: temporaryDir() });
  onTestFinished(() => node.stop());
  expect(await outcomeOf(node.url)).toMatch(/^Failure: The Redis cluster at .* can't serve \(cluster_state:fail, 0 of 16384 slots assigned\): bring it up/);
  expect(await outcomeOf(`${node.url}/1`)).toMatch(/is a cluster, which has database 0 alone: leave \/1 out of REDIS_URL\.$/);
});

it('tells a server that is too old by its version, even if it knows no HELLO', async () => {
  const info = 'redis_version:5.0.7\r\n';
  const address = await addressOf(
    createServer((socket) => {
      socket.on('data', (sent) => socket.write(/info/i.test(String(sent)) ? `$${info.length}\r\n${info}\r\n` : "-ERR unknown command 'HELLO'\r\n"));
    }),
  );
  expect(await outcomeOf(`redis://${address}`)).toMatch(/is version 5\.0\.7: give REDIS_URL one of 7\.0 or newer\.$/);
});

it('says of an HTTP server that it is no Redis', async () => {
  const address = await addressOf(createHttpServer((_request, response) => response.end()));
  expect(await outcomeOf(`redis://${address}`)).toBe(`Failure: What answers at redis://${address} is no Redis: check REDIS_URL, or unset it.`);
});

it.each([
  ['redis://:50%@127.0.0.1', /^Failure: REDIS_URL has a % .* write %25/],
  ['redis://127.0.0.1/first', /^Failure: REDIS_URL may end in the number of a database, such as \/1/],
])('refuses %s without asking anyone', async (url, sentence) => {
  expect(await outcomeOf(url)).toMatch(sentence);
});
