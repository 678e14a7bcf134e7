import { Redis } from 'ioredis';

/** What a Redis server has used and counted so far. */
export interface ServerCost {
  /** CPU of the thread that runs commands, user and system (µs). */
  cpuMicros: number;
  /** Bytes in use, without what connections take. INFO's own data set figure leaves out the table of keys, a quarter of a waiting user. */
  usedBytes: number;
  /** Bytes that connections take. */
  connectionBytes: number;
}

/** A connection of one's own to a server, which reads its counters and does nothing else. */
export class ServerWatch {
  readonly #redis: Redis;

  constructor(url: string) {
    this.#redis = new Redis(url, { protocol: 2 });
  }

  async cost(): Promise<ServerCost> {
    const info = await this.#redis.info();
    const cpuSeconds = field(info, 'used_cpu_user_main_thread') + field(info, 'used_cpu_sys_main_thread');
    const connectionBytes = field(info, 'mem_clients_normal');
    return { cpuMicros: cpuSeconds * 1e6, usedBytes: field(info, 'used_memory') - connectionBytes, connectionBytes };
  }

  /** Time (µs) and calls of one command since the last reset, as the server counts them. */
  async commandCost(command: string): Promise<{ calls: number; micros: number }> {
    const stats = await this.#redis.info('commandstats');
    const [, calls = '0', micros = '0'] = new RegExp(`^cmdstat_${command}:calls=(\\d+),usec=(\\d+)`, 'm').exec(stats) ?? [];
    return { calls: Number(calls), micros: Number(micros) };
  }

  async resetCommandCosts(): Promise<void> {
    await this.#redis.config('RESETSTAT');
  }

  /** Connections that are open, this one included. */
  async connections(): Promise<number> {
    return field(await this.#redis.info('clients'), 'connected_clients');
  }

  async version(): Promise<string> {
    return /^redis_version:(.+)$/m.exec(await this.#redis.info('server'))?.[1]?.trim() ?? 'unknown';
  }

  close(): void {
    this.#redis.disconnect();
  }
}

function field(info: string, name: string): number {
  const value = new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1];
  if (value === undefined) throw new Error(`The server's INFO has no ${name}.`);
  return Number(value);
}
