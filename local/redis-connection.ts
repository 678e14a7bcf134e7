import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Failure } from './failure.ts';

const SLOTS = 16_384;
const COMMAND_TIMEOUT_MS = 5_000;
/** A server waits 2 s until it declares its cluster whole, and nodes need some more to get to know each other. */
const WHOLE_TIMEOUT_MS = 30_000;
export const POLL_INTERVAL_MS = 20;

interface Address {
  readonly host: string;
  readonly port: number;
}

/** Lends a plain connection to one server. While nobody answers there, its commands fail at once. */
export async function withConnection<T>(server: Address, use: (connection: Redis) => Promise<T>): Promise<T> {
  const connection = new Redis({
    host: server.host,
    port: server.port,
    enableReadyCheck: false,
    disableClientInfo: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => POLL_INTERVAL_MS,
    connectTimeout: COMMAND_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
  });
  // A failed attempt to connect shows in the command that wanted it.
  connection.on('error', () => {});
  try {
    return await use(connection);
  } finally {
    connection.disconnect();
  }
}

/** Gives a node its share, the slots from `index`/`of` of all on, unless it has slots already. */
export async function assignSlots(connection: Redis, index: number, of: number): Promise<void> {
  const info = await clusterInfo(connection);
  if (info['cluster_slots_assigned'] !== '0') return;
  // Nodes that begin with equal epochs would first have to settle whose slots count.
  if (of > 1) await connection.cluster('SET-CONFIG-EPOCH', index + 1);
  const first = Math.floor((SLOTS * index) / of);
  const last = Math.floor((SLOTS * (index + 1)) / of) - 1;
  await connection.cluster('ADDSLOTSRANGE', first, last);
}

/**
 * Waits until a node sees every slot served, by servers at exactly these ports.
 * @throws Failure when it does not within 30 s
 */
export async function clusterWhole(connection: Redis, ports: readonly number[]): Promise<void> {
  const expected = ports.toSorted((a, b) => a - b).join();
  const deadlineMs = Date.now() + WHOLE_TIMEOUT_MS;
  for (;;) {
    const info = await clusterInfo(connection);
    // Each range of slots is answered as its first, its last, and the address of its master.
    const slots = await connection.cluster('SLOTS');
    const seen = [...new Set(slots.map((range) => range[2]?.[1] ?? 0))].toSorted((a, b) => a - b).join();
    if (info['cluster_state'] === 'ok' && seen === expected) return;
    if (Date.now() > deadlineMs) {
      throw new Failure(
        `Redis did not form a cluster within ${WHOLE_TIMEOUT_MS / 1000} s: state ${info['cluster_state']}, ` +
          `${info['cluster_slots_ok']} of ${SLOTS} slots served. Move its data folder away and start again.`,
      );
    }
    await pause(POLL_INTERVAL_MS);
  }
}

/** Reads the `name:value` lines of INFO and CLUSTER INFO. */
export function fieldsOf(text: string): Record<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

async function clusterInfo(connection: Redis): Promise<Record<string, string>> {
  return fieldsOf(await connection.cluster('INFO'));
}
