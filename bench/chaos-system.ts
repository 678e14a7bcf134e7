import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { keysOf } from '../lambda/queue/keys.ts';
import { freePort } from '../local/free-port.ts';
import type { Guarded } from '../local/guardian.ts';
import { withConnection } from '../local/redis-connection.ts';
import { startRedis, type RunningRedis } from '../local/redis-server.ts';
import type { Fault } from './chaos-plan.ts';
import { functionProcesses } from './function-processes.ts';
import { purgeQueue } from './purge-queue.ts';
import { lastLine, startRunner } from './runner-process.ts';

/** How long a function may take to have a process that can be hit: it has none while nobody calls it. */
const TARGET_TIMEOUT_MS = 15_000;
const POLL_INTERVAL_MS = 50;
/** Redis has synced a write to disk before it answers it. */
const SYNC_ALWAYS = ['--appendfsync', 'always'];

export interface ChaosPace {
  batchSize: number;
  drainIntervalMs: number;
  leaseMs: number;
}

export interface ChaosSystemOptions {
  /** Everything is kept in this folder. */
  dataDir: string;
  /** The promotion whose messages can be lost. */
  promotionId: string;
  pace: ChaosPace;
  /** Told in a sentence when a part ends that nobody has killed. */
  failed: (sentence: string) => void;
}

/** What a fault did. */
export interface Harm {
  /** Processes. */
  hit: number;
  /** Users in processing whose message was lost. */
  stranded: number;
}

/**
 * The system on this machine, as `npm start` runs it, in a process of its own, over a Redis of its own that loses nothing which it has
 * answered. Both can be killed, paused and started again on the same data and ports; both die with this process.
 */
export class ChaosSystem {
  readonly #options: ChaosSystemOptions;
  readonly #port: number;
  readonly #redisPort: number;
  /** Undefined while they are dead. */
  #redis: RunningRedis | undefined;
  #runner: Guarded | undefined;

  private constructor(options: ChaosSystemOptions, port: number, redisPort: number) {
    this.#options = options;
    this.#port = port;
    this.#redisPort = redisPort;
  }

  /**
   * Starts Redis and the runner and waits until they serve.
   * @throws Error with a sentence if they don't; nothing is left running then
   */
  static async start(options: ChaosSystemOptions): Promise<ChaosSystem> {
    const system = new ChaosSystem(options, await freePort(), await freePort());
    try {
      await system.#startRedis();
      await system.#startRunner();
      return system;
    } catch (error) {
      await system.stop();
      throw error;
    }
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get redisUrl(): string {
    return `redis://127.0.0.1:${this.#redisPort}`;
  }

  /**
   * Brings a fault about, and what it killed or paused back.
   * @throws Error with a sentence if something does not come back; the signal's reason
   */
  async suffer(fault: Fault, signal: AbortSignal): Promise<Harm> {
    if (fault.kind === 'lose messages') return await this.#loseMessages(fault.stoppedMs, signal);
    return { hit: await this.#disturb(fault, signal), stranded: 0 };
  }

  /** Ends everything, in seconds. */
  async stop(): Promise<void> {
    const [runner, redis] = [this.#runner, this.#redis];
    this.#runner = undefined;
    this.#redis = undefined;
    await runner?.stop();
    await redis?.stop();
  }

  /** @returns how many processes it hit */
  async #disturb({ kind, stoppedMs }: Fault, signal: AbortSignal): Promise<number> {
    switch (kind) {
      case 'flush scripts':
        return await withConnection({ host: '127.0.0.1', port: this.#redisPort }, async (connection) => {
          await connection.script('FLUSH');
          return 1;
        });
      case 'kill redis':
        return await this.#killRedis(stoppedMs, signal);
      case 'pause redis':
        return await strike(pidOf(this.#redis), stoppedMs, 'SIGCONT', signal);
      case 'kill runner':
        return await this.#killRunner(stoppedMs, signal);
      case 'pause runner':
        return await strike(pidOf(this.#runner), stoppedMs, 'SIGCONT', signal);
      default: {
        const [act, functionName = ''] = kind.split(' ');
        const pids = await this.#processesOf(functionName, signal);
        return await strike(pids, stoppedMs, act === 'kill' ? 'SIGKILL' : 'SIGCONT', signal);
      }
    }
  }

  async #killRedis(stoppedMs: number, signal: AbortSignal): Promise<number> {
    const redis = this.#redis;
    this.#redis = undefined;
    const hit = await strike(pidOf(redis), stoppedMs, 'SIGKILL', signal);
    await redis?.exited;
    await this.#startRedis();
    return hit;
  }

  async #killRunner(stoppedMs: number, signal: AbortSignal): Promise<number> {
    const runner = this.#runner;
    this.#runner = undefined;
    const hit = await strike(pidOf(runner), stoppedMs, 'SIGKILL', signal);
    await runner?.exited;
    await this.#startRunner();
    return hit;
  }

  /**
   * Stops the issuer until someone has been in processing for so long, empties the queue, which forgets what was received from it too,
   * and kills who holds messages: the issuer, and the runner with the batches that wait in it.
   */
  async #loseMessages(stoppedMs: number, signal: AbortSignal): Promise<Harm> {
    const runner = this.#runner;
    const stopped = new Set<number>();
    const since = new Map<string, number>();
    const deadline = performance.now() + TARGET_TIMEOUT_MS + stoppedMs;
    const held = () => [...since].flatMap(([user, atMs]) => (performance.now() - atMs >= stoppedMs ? [user] : []));
    try {
      while (stopped.size === 0 || held().length === 0) {
        if (performance.now() > deadline) return { hit: 0, stranded: 0 };
        // A process that is stopped has others started in its place.
        for (const pid of await this.#processesOf('issuer', signal)) if (send(pid, 'SIGSTOP')) stopped.add(pid);
        const processing = new Set(stopped.size > 0 ? await this.#processing() : []);
        for (const user of since.keys()) if (!processing.has(user)) since.delete(user);
        for (const user of processing) if (!since.has(user)) since.set(user, performance.now());
        await pause(POLL_INTERVAL_MS, undefined, { signal });
      }
      const users = held();
      await purgeQueue(this.#systemDir);
      this.#runner = undefined;
      const hit = [...stopped, ...pidOf(runner)].filter((pid) => send(pid, 'SIGKILL')).length;
      await runner?.exited;
      const left = new Set(await this.#processing());
      await this.#startRunner();
      return { hit, stranded: users.filter((user) => left.has(user)).length };
    } finally {
      for (const pid of stopped) if (this.#runner === runner) send(pid, 'SIGCONT');
    }
  }

  /** The users in processing. */
  async #processing(): Promise<string[]> {
    const { processing } = keysOf(this.#options.promotionId);
    return await withConnection({ host: '127.0.0.1', port: this.#redisPort }, (connection) => connection.smembers(processing));
  }

  get #systemDir(): string {
    return path.join(this.#options.dataDir, 'system');
  }

  async #startRedis(): Promise<void> {
    const { dataDir, failed } = this.#options;
    const redis = await startRedis({ dataDir: path.join(dataDir, 'redis'), port: this.#redisPort, appendOnly: true, extraArgs: SYNC_ALWAYS });
    this.#redis = redis;
    void redis.exited.then((sentence) => (this.#redis === redis ? failed(sentence) : undefined));
  }

  async #startRunner(): Promise<void> {
    const { pace, failed } = this.#options;
    const runner = await startRunner({ dataDir: this.#systemDir, port: this.#port, redisUrl: this.redisUrl, context: { ...pace } });
    this.#runner = runner;
    void runner.exited.then((how) => (this.#runner === runner ? failed(`The local run ended ${how}. It said: ${lastLine(runner)}`) : undefined));
  }

  async #processesOf(functionName: string, signal: AbortSignal): Promise<number[]> {
    const deadline = performance.now() + TARGET_TIMEOUT_MS;
    for (;;) {
      const pids = this.#runner ? await functionProcesses(this.#runner.pid, functionName) : [];
      if (pids.length > 0 || performance.now() > deadline) return pids;
      await pause(POLL_INTERVAL_MS, undefined, { signal });
    }
  }
}

const pidOf = (part: { pid: number } | undefined) => (part ? [part.pid] : []);

/** Stops processes for so long and then lets them go on, or die in the middle of what they were doing. */
async function strike(pids: readonly number[], stoppedMs: number, then: 'SIGCONT' | 'SIGKILL', signal: AbortSignal): Promise<number> {
  const hit = pids.filter((pid) => send(pid, 'SIGSTOP'));
  try {
    await pause(stoppedMs, undefined, { signal });
  } finally {
    for (const pid of hit) send(pid, then);
  }
  return hit.length;
}

/** False if the process has ended by itself. */
function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
