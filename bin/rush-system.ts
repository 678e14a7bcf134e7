import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { startSystem, type Endpoints, type SystemOptions } from '../local/system.ts';

/** What the thread of a rush's own system is given, and what it says. Any message to it asks it to stop. */
export type OwnSystemOptions = Pick<SystemOptions, 'dataDir' | 'context' | 'redisUrl'>;
export type OwnSystemMessage = { log: string } | { failed: string } | { ready: Endpoints };

if (parentPort === null) throw new Error('This is a thread of `npm run rush`: run that.');
const port = parentPort;
const say = (message: OwnSystemMessage) => port.postMessage(message);
const stopping = new AbortController();
const stopAsked = once(port, 'message').then(() => stopping.abort());
try {
  const system = await startSystem({
    ...(workerData as OwnSystemOptions),
    port: 0,
    log: (log) => say({ log }),
    signal: stopping.signal,
  });
  say({ ready: system.endpoints });
  void system.failed.then((failed) => say({ failed }));
  await stopAsked;
  await system.stop();
} catch (error) {
  say({ failed: error instanceof Error ? error.message : String(error) });
}
port.close();
