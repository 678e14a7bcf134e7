import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startRedis } from '../local/redis-server.ts';
import { ServerWatch } from './server-cost.ts';

/** Runs something on an empty Redis in single-node cluster mode that is there for it alone, and is gone afterwards. */
export async function onOwnRedis<T>(work: (url: string, watch: ServerWatch) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'coupon-queue-bench-'));
  try {
    const server = await startRedis({ dataDir });
    const watch = new ServerWatch(server.url);
    try {
      return await work(server.url, watch);
    } finally {
      watch.close();
      await server.stop();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}
