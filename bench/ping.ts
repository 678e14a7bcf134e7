import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Redis } from 'ioredis';

/** One PING is sent each millisecond, or as soon as the last one is answered. */
const PING_PERIOD_MS = 1;

export interface PingStream {
  /** Longest answer (ms) since the last call of this. */
  longestMs(): Promise<number>;
  stop(): Promise<void>;
}

/** Pings a server from a thread of its own, so that nothing but the server (and the machine) can make it wait. */
export async function startPings(redisUrl: string): Promise<PingStream> {
  const worker = new Worker(new URL(import.meta.url), { workerData: redisUrl });
  const answer = () => new Promise<number>((resolve) => void worker.once('message', resolve));
  await answer();
  return {
    longestMs() {
      const longest = answer();
      worker.postMessage('longest');
      return longest;
    },
    stop: async () => void (await worker.terminate()),
  };
}

async function ping(redisUrl: string): Promise<never> {
  const redis = new Redis(redisUrl);
  let longestMs = 0;
  parentPort?.on('message', () => {
    parentPort?.postMessage(longestMs);
    longestMs = 0;
  });
  await redis.ping();
  parentPort?.postMessage(0);
  // Until the thread is terminated.
  for (;;) {
    const sentAt = performance.now();
    await redis.ping();
    longestMs = Math.max(longestMs, performance.now() - sentAt);
    await new Promise((resolve) => void setTimeout(resolve, PING_PERIOD_MS));
  }
}

if (!isMainThread) await ping(String(workerData));
