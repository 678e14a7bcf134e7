import path from 'node:path';
import { assignSlots, clusterWhole, withConnection } from './redis-connection.ts';
import { startNode, type RedisNode, type RunningRedis, type StartOptions } from './redis-node.ts';

export type { RunningRedis, StartOptions } from './redis-node.ts';

export interface RunningCluster {
  readonly nodes: readonly RunningRedis[];
  /** Ends all nodes. Resolves when they are gone. */
  stop(): Promise<void>;
}

/**
 * Starts one Redis server as a cluster of its own, with all slots, on the loopback interface. It dies with this process.
 * Resolves when it answers, its data is loaded and its cluster is whole, for which a server takes at least 2 s.
 * @throws Failure that says why there is none
 */
export async function startRedis(options: StartOptions): Promise<RunningRedis> {
  const node = await startNode(options);
  await formCluster([node]);
  return node;
}

/**
 * Starts a cluster of several masters, each with an equal share of the slots and a folder of its own in `dataDir`.
 * Resolves when every node sees all slots served.
 * @throws Failure that says why there is none
 */
export async function startRedisCluster(options: { nodes: number; dataDir: string }): Promise<RunningCluster> {
  const starts = await Promise.allSettled(
    Array.from({ length: options.nodes }, (_, index) => startNode({ dataDir: path.join(options.dataDir, `node-${index + 1}`) })),
  );
  const nodes = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed) {
    await stopAll(nodes);
    throw failed.reason;
  }
  await formCluster(nodes);
  return { nodes, stop: () => stopAll(nodes) };
}

/** Shares the slots out, makes the nodes known to each other and waits until all agree. Stops them if that fails. */
async function formCluster(nodes: readonly RedisNode[]): Promise<void> {
  try {
    await Promise.all(
      nodes.map((node, index) => withConnection(node, (connection) => assignSlots(connection, index, nodes.length))),
    );
    await Promise.all(
      nodes.map((node) =>
        withConnection(node, async (connection) => {
          for (const other of nodes) {
            if (other !== node) await connection.cluster('MEET', other.host, other.port, other.busPort);
          }
          await clusterWhole(connection, nodes.map(({ port }) => port));
        }),
      ),
    );
  } catch (error) {
    await stopAll(nodes);
    throw error;
  }
}

async function stopAll(nodes: readonly RedisNode[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.stop()));
}
