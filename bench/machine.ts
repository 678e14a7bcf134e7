import { cpus } from 'node:os';
import { onOwnRedis } from './own-redis.ts';
import type { Machine } from './results.ts';

/** What the results were measured on, and when. */
export async function thisMachine(): Promise<Machine> {
  const cores = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    redis: await onOwnRedis((_url, watch) => watch.version()),
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
  };
}
