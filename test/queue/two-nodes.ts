import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { info } from '../../lambda/queue/info.ts';
import { keysOf } from '../../lambda/queue/keys.ts';
import { connectRedis, type RedisClient, RedisUnavailable } from '../../lambda/queue/redis.ts';
import { type RunningCluster, startRedisCluster } from '../../local/redis-server.ts';
import { type Snapshot, snapshot } from '../invariants.ts';

/** Between two attempts of a call that was refused. */
export const RETRY_INTERVAL_MS = 5;
/** For everything that has to come about some time; a busy machine may take its time. */
export const PATIENCE_MS = 20_000;
const MIGRATE_TIMEOUT_MS = 5000;

/** A cluster of two nodes for the tests of a file, whose slots can be moved step by step. */
export class TwoNodes {
  /** A connection to each node. */
  readonly operators: Redis[] = [];
  #folder = '';
  #cluster: RunningCluster | undefined;
  #ids: string[] = [];
  readonly #clients: RedisClient[] = [];
  /** One at a time: a node stands still while it sends keys, so two that send to each other would both time out. */
  #migrated: Promise<unknown> = Promise.resolve();

  constructor() {
    beforeAll(async () => {
      this.#folder = await mkdtemp(path.join(tmpdir(), 'coupon-queue-slots-'));
      this.#cluster = await startRedisCluster({ nodes: 2, dataDir: this.#folder });
      this.operators.push(...this.#cluster.nodes.map(({ url }) => new Redis(url)));
      this.#ids = await Promise.all(this.operators.map((operator) => operator.cluster('MYID')));
    });
    afterAll(async () => {
      for (const connection of [...this.#clients, ...this.operators]) connection.disconnect();
      await this.#cluster?.stop();
      await rm(this.#folder, { recursive: true, force: true });
    });
  }

  get #nodes() {
    return this.#cluster!.nodes;
  }

  /** A client as the functions make it; closed after the file's tests. */
  connect(): RedisClient {
    const client = connectRedis({ url: this.#nodes[0]!.url, mode: 'cluster' });
    this.#clients.push(client);
    return client;
  }

  slotOf(promotionId: string): Promise<number> {
    return this.operators[0]!.cluster('KEYSLOT', keysOf(promotionId).stock);
  }

  #keysIn(node: number, slot: number): Promise<string[]> {
    return this.operators[node]!.cluster('GETKEYSINSLOT', slot, 10_000);
  }

  /** The node that serves a slot, once both say the same: two nodes, each with half of the slots to begin with. */
  async #ownerOf(slot: number): Promise<number> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const views = await Promise.all(this.operators.map((operator) => operator.cluster('SLOTS')));
      const owners = views.map((ranges) => {
        const port = ranges.find(([first, last]) => first <= slot && slot <= last)?.[2]?.[1];
        return this.#nodes.findIndex((node) => node.port === port);
      });
      if (owners[0] === owners[1] || performance.now() > end) return owners[0] ?? -1;
      await pause(RETRY_INTERVAL_MS);
    }
  }

  /** Moves a slot to the other node, a few keys at a time, in this order of keys; between two steps it lets others do what they want. */
  async moveSlot(slot: number, order: (keys: string[]) => string[], keysAtOnce: number, between: () => Promise<unknown>): Promise<void> {
    const from = await this.#ownerOf(slot);
    const to = 1 - from;
    const [source, target] = [this.operators[from]!, this.operators[to]!];
    await target.cluster('SETSLOT', slot, 'IMPORTING', this.#ids[from]!);
    await source.cluster('SETSLOT', slot, 'MIGRATING', this.#ids[to]!);
    for (let keys = await this.#keysIn(from, slot); keys.length > 0; keys = await this.#keysIn(from, slot)) {
      const { host, port } = this.#nodes[to]!;
      const chunk = order(keys.toSorted()).slice(0, keysAtOnce);
      const migrate = () => source.call('MIGRATE', host, port, '', 0, MIGRATE_TIMEOUT_MS, 'KEYS', ...chunk);
      const migrated = this.#migrated.then(migrate);
      this.#migrated = migrated.catch(() => undefined);
      await migrated;
      await between();
    }
    for (const operator of [target, source]) await operator.cluster('SETSLOT', slot, 'NODE', this.#ids[to]!);
  }

  /** All that the nodes hold in a slot, wherever it is. */
  async held(slot: number): Promise<Map<string, string>> {
    const all = new Map<string, string>();
    for (const [node, operator] of this.operators.entries()) {
      for (const key of (await this.#keysIn(node, slot)).toSorted()) {
        const [, dumped] = (await operator.pipeline().asking().dumpBuffer(key).exec()) ?? [];
        if (dumped?.[0]) throw dumped[0];
        if (all.has(key)) throw new Error(`${key} is held twice`);
        all.set(key, (dumped![1] as Buffer).toString('base64'));
      }
    }
    return new Map([...all].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** Calls until it is served. */
export async function untilServed<T>(operation: () => Promise<T>): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof RedisUnavailable) || performance.now() > end) throw error;
    }
    await pause(RETRY_INTERVAL_MS);
  }
}

/** A snapshot after a move; a client that has not heard of it yet is refused at first. */
export async function snapshotAfterMove(redis: RedisClient, promotionId: string): Promise<Snapshot> {
  await untilServed(() => info(redis, promotionId));
  return snapshot(redis, promotionId);
}
