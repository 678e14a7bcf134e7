import { once } from 'node:events';
import { connect } from 'node:net';
import { Cluster, Redis } from 'ioredis';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { join } from '../../lambda/queue/join.ts';
import { connectRedis, type RedisClient } from '../../lambda/queue/redis.ts';
import { type DistantProxy, distantProxy } from '../distant-proxy.ts';
import { onOwnRedis } from '../own-redis.ts';
import { type Bench, sampleOf, type Scenario, single } from '../scenario.ts';

const ROUNDS = { full: 7, check: 3 };
/** Long beside all that a busy machine adds. */
const ROUND_TRIP_MS = 100;
const PROMOTION_ID = 'round-trips';

/** Sends the first script of a process; what it answers is closed, not measured. */
type First = (port: number) => Promise<() => void>;

/** One command on a connection of its own, written at once. */
async function bare(port: number, words: string[]): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`);
  await once(socket, 'data');
  socket.destroy();
}

const closing = (client: RedisClient) => () => client.disconnect();

/** What a function does at its first call. The endpoint has another name than the node that it leads to, as in a deployed cluster. */
const firstJoin = (mode: 'single' | 'cluster'): First =>
  async (port) => {
    const client = connectRedis({ url: `redis://localhost:${port}`, mode });
    await join(client, PROMOTION_ID, 'kim');
    return closing(client);
  };

const contenders = (sha: string): Record<string, First> => {
  const script = ['EVALSHA', sha, '1', `{${PROMOTION_ID}}`];
  const withDefaults = async (client: RedisClient) => {
    await client.evalsha(sha, 1, `{${PROMOTION_ID}}`);
    return closing(client);
  };
  return {
    'one server: bare socket': async (port) => {
      await bare(port, script);
      return () => undefined;
    },
    'one server: join': firstJoin('single'),
    "one server: ioredis's defaults": (port) => withDefaults(new Redis(port, 'localhost')),
    'cluster: bare sockets': async (port) => {
      await bare(port, ['CLUSTER', 'SLOTS']);
      await bare(port, script);
      return () => undefined;
    },
    'cluster: join': firstJoin('cluster'),
    "cluster: ioredis's defaults": (port) => withDefaults(new Cluster([{ host: 'localhost', port }])),
  };
};

/** Measures every contender in turn: round trips, and connections made. */
async function measure(bench: Bench, proxy: DistantProxy, firsts: Record<string, First>): Promise<Map<string, { roundTrips: number[]; connections: number[] }>> {
  const names = Object.keys(firsts);
  const measured = new Map(names.map((name) => [name, { roundTrips: [] as number[], connections: [] as number[] }]));
  for (let round = 0; round < ROUNDS[bench.effort]; round++) {
    for (const [turn, name] of names.entries()) {
      bench.signal.throwIfAborted();
      bench.progress(name, round * names.length + turn, ROUNDS[bench.effort] * names.length);
      proxy.takeConnections();
      const startedAt = performance.now();
      const close = await firsts[name]?.(proxy.port);
      const elapsedMs = performance.now() - startedAt;
      close?.();
      measured.get(name)?.roundTrips.push(Math.round(elapsedMs / ROUND_TRIP_MS));
      measured.get(name)?.connections.push(proxy.takeConnections());
    }
  }
  return measured;
}

export const scenario: Scenario = {
  name: 'round-trips',
  title: 'Round trips to the first answer',
  method: `A new client runs its first script on a Redis behind a proxy that makes every round trip last ${ROUND_TRIP_MS} ms, the handshake of TCP included; its time is divided by that and rounded. The server has the script.`,
  run: (bench) =>
    onOwnRedis(async (url) => {
      const operator = new Redis(url, { protocol: 2 });
      const proxy = await distantProxy(Number(new URL(url).port), ROUND_TRIP_MS);
      try {
        // The node tells clients the way to it, which leads through the proxy.
        await operator.config('SET', 'cluster-announce-port', proxy.port);
        await initStock(operator, PROMOTION_ID, 1);
        await join(operator, PROMOTION_ID, 'kim');
        const sha = String(await operator.script('LOAD', 'return 1'));
        const measured = await measure(bench, proxy, contenders(sha));
        const roundTrips = (name: string) => sampleOf(measured.get(name)?.roundTrips ?? []);
        return {
          tables: [
            {
              name: 'round-trips',
              title: 'From the TCP handshake to the answer of the first script',
              columns: [
                { name: 'round trips', unit: '' },
                { name: 'connections', unit: '' },
              ],
              rows: [...measured].map(([name, { connections }]) => ({
                name,
                values: { 'round trips': roundTrips(name), connections: single(Math.max(...connections)) },
              })),
              chart: { kind: 'bars', columns: ['round trips'] },
            },
          ],
          figures: [
            { name: 'round trips to the first answer', unit: '', value: roundTrips('one server: join'), better: 'lower', checked: true },
            { name: 'round trips to the first answer of a cluster', unit: '', value: roundTrips('cluster: join'), better: 'lower', checked: true },
          ],
          notes: [
            'Two are the least: the handshake, and the script. A client of a cluster first asks which node has the slot, handshake and CLUSTER SLOTS, and then spends the same two on that node. TLS adds one to each connection.',
          ],
        };
      } finally {
        operator.disconnect();
        proxy.close();
      }
    }),
};
