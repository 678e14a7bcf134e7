import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { startRedis } from '../../local/redis-server.ts';
import { runSeed, type SeedResult } from './run-seed.ts';
import type { SimulatedScript } from './simulated-scripts.ts';

/** A Redis server on which one seed after another runs. */
export interface Lane {
  run(seed: number, scripts: Map<string, SimulatedScript>): Promise<SeedResult>;
  close(): Promise<void>;
}

/** Starts a lane's own server. Who opens a lane closes it. */
export async function openLane(): Promise<Lane> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'coupon-queue-simulation-'));
  const server = await startRedis({ dataDir });
  // In cluster mode, so that a script across slots would fail; by a plain client, since all slots are here.
  const real = new Redis(server.url, { maxRetriesPerRequest: 1 });
  return {
    run: (seed, scripts) => runSeed(real, scripts, seed),
    async close() {
      real.disconnect();
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/**
 * Runs seeds in several lanes at once; each lane takes the next seed when it is free.
 * @param take the next seed, or undefined to end
 */
export async function runSeeds(lanes: readonly Lane[], scripts: Map<string, SimulatedScript>, take: () => number | undefined, seen: (result: SeedResult) => void): Promise<void> {
  await Promise.all(
    lanes.map(async (lane) => {
      for (let seed = take(); seed !== undefined; seed = take()) seen(await lane.run(seed, scripts));
    }),
  );
}
