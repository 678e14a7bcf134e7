import { Redis } from 'ioredis';
import { shardOf } from '../../lambda/queue/drain-loop.ts';
import { initStock } from '../../lambda/queue/init-stock.ts';
import { keysOf } from '../../lambda/queue/keys.ts';
import { connectRedis } from '../../lambda/queue/redis.ts';
import { startRedisCluster } from '../../local/redis-server.ts';
import { Lane } from '../lane.ts';
import { inOwnFolder } from '../own-folder.ts';

export const NODES = 3;
/** Shards of the drain loop, at most as many as a rule has targets. */
export const LOOP_SHARDS = [2, 3, 5] as const;
const FLEETS = [10, 100, 1000] as const;
const CREATED_AT_ONCE = 20;
/** Ids as operators give them: CRCs of names that differ in few digits are less random than others'. */
const NAMINGS: Record<string, (index: number) => string> = {
  'numbers from 1': (index) => String(index + 1),
  'names with a date': (index) => `summer-sale-2026-${String(Math.floor(index / 28) + 1).padStart(2, '0')}-${String((index % 28) + 1).padStart(2, '0')}`,
};

/** Where the promotions of a fleet are. */
export interface Fleet {
  naming: string;
  promotions: number;
  /** The Redis node of each promotion, as the cluster has them. */
  nodeOf: number[];
  /** By number of shards of the drain loop: the shard of each promotion. */
  loopShardOf: Record<number, number[]>;
}

/** Opens fleets of promotions on a real cluster of three nodes, and asks each node which of them it has. */
export const measureSpread = (progress: (what: string, done: number, total: number) => void, signal: AbortSignal): Promise<Fleet[]> =>
  inOwnFolder(async (dataDir) => {
    const cluster = await startRedisCluster({ nodes: NODES, dataDir });
    const [first] = cluster.nodes;
    if (!first) throw new Error('The cluster has no node.');
    const client = connectRedis({ url: first.url, mode: 'cluster' });
    const nodes = cluster.nodes.map(({ url }) => new Redis(url, { protocol: 2 }));
    try {
      const fleets: Fleet[] = [];
      for (const [naming, nameOf] of Object.entries(NAMINGS)) {
        for (const promotions of FLEETS) {
          signal.throwIfAborted();
          progress(`${promotions} promotions on ${NODES} nodes`, fleets.length, FLEETS.length * Object.keys(NAMINGS).length);
          await Promise.all(nodes.map((node) => node.flushall()));
          const ids = Array.from({ length: promotions }, (_, i) => nameOf(i));
          const lane = new Lane(CREATED_AT_ONCE);
          await Promise.all(ids.map((id) => lane.run(() => initStock(client, id, 1))));
          const held = await Promise.all(nodes.map(async (node) => new Set(await node.keys(keysOf('*').promotion))));
          const nodeOf = ids.map((id) => held.findIndex((keys) => keys.has(keysOf(id).promotion)));
          if (nodeOf.includes(-1)) throw new Error('A promotion is on no node of the cluster.');
          fleets.push({ naming, promotions, nodeOf, loopShardOf: Object.fromEntries(LOOP_SHARDS.map((shards) => [shards, ids.map((id) => shardOf(id, shards))])) });
        }
      }
      return fleets;
    } finally {
      client.disconnect();
      for (const node of nodes) node.disconnect();
      await cluster.stop();
    }
  });

/** How many promotions each of so many shards has. */
export const countsOf = (shardOf: readonly number[], shards: number): number[] =>
  Array.from({ length: shards }, (_, shard) => shardOf.filter((other) => other === shard).length);
