import type { DatabaseSync } from 'node:sqlite';
import { SQSClient, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { buildApp, type BuildAppOptions } from 'fauxqs';
import { ACCOUNT_ID, REGION } from './intrinsics.ts';
import { LOCAL_CREDENTIALS } from './replacements.ts';
import type { QueueModel } from './template.ts';

export interface LocalSqs {
  endpoint: string;
  client: SQSClient;
  /** Lets polls that wait for messages return at once, with none. */
  endPolls(): void;
  stop(): Promise<void>;
}

type Stores = NonNullable<BuildAppOptions['stores']>;
/** The emulator's queues and messages, kept in SQLite. */
type Persistence = NonNullable<Stores['sqsStore']['persistence']>;

/** The endpoint answers from this process: what takes longer than this is stuck. */
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Starts the SQS emulator inside this process, on a free port of the loopback interface, with the given queues. Messages
 * in `dataDir` survive a restart.
 */
export async function startSqs(options: { dataDir: string; queues: readonly QueueModel[] }): Promise<LocalSqs> {
  const { stores, persistence } = await openStores(options.dataDir);
  const app = buildApp({ logger: false, defaultRegion: REGION, stores });
  const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
  const client = new SQSClient({
    endpoint,
    region: REGION,
    credentials: LOCAL_CREDENTIALS,
    requestHandler: { requestTimeout: REQUEST_TIMEOUT_MS },
  });
  for (const { id, arn, attributes } of options.queues) {
    const url = `${endpoint}/${ACCOUNT_ID}/${id}`;
    if (stores.sqsStore.getQueueByName(id) === undefined) stores.sqsStore.createQueue(id, url, arn);
    // An older queue may have older attributes. An empty redrive policy is how SQS is told that there is none any more.
    const Attributes = { RedrivePolicy: '', ...attributes };
    await client.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes }));
  }
  return {
    endpoint,
    client,
    endPolls: () => stores.sqsStore.shutdown(),
    async stop() {
      client.destroy();
      await app.close();
      persistence.close();
    },
  };
}

/**
 * The emulator's public `startFauxqs` would listen on every interface of the machine, for everyone in the same network, and
 * its `buildApp`, which listens where it is told, does not open the stores on disk. So this opens them, from the
 * emulator's own modules; its version is pinned, and a test restarts it.
 */
async function openStores(dataDir: string): Promise<{ stores: Stores; persistence: Persistence }> {
  const [SqsStore, SnsStore, S3Store, PersistenceManager] = await Promise.all([
    importInner<new () => Stores['sqsStore']>('sqs/sqsStore.js', 'SqsStore'),
    importInner<new () => Stores['snsStore']>('sns/snsStore.js', 'SnsStore'),
    importInner<new () => Stores['s3Store']>('s3/s3Store.js', 'S3Store'),
    importInner<new (dataDir: string) => Persistence>('persistence.js', 'PersistenceManager'),
  ]);
  const stores = { sqsStore: new SqsStore(), snsStore: new SnsStore(), s3Store: new S3Store() };
  const persistence = new PersistenceManager(dataDir);
  // Messages then survive the death of this process, if not of the machine, and no write waits for the disk.
  (persistence as unknown as { db: DatabaseSync }).db.exec('PRAGMA synchronous = OFF');
  persistence.loadSqsAndSns(stores.sqsStore, stores.snsStore);
  stores.sqsStore.persistence = persistence;
  for (const queue of stores.sqsStore.allQueues()) queue.persistence = persistence;
  return { stores, persistence };
}

async function importInner<T>(path: string, name: string): Promise<T> {
  const module = (await import(new URL(path, import.meta.resolve('fauxqs')).href)) as Record<string, T>;
  return module[name] as T;
}
