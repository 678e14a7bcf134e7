import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { PurgeQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import * as v from 'valibot';
import { REGION } from '../local/intrinsics.ts';
import { LOCAL_CREDENTIALS } from '../local/replacements.ts';

const endpointsSchema = v.object({ sqsEndpoint: v.string(), queueUrl: v.string() });

/** Deletes the messages of a local run's queue, those that were received included. @param dataDir that of the run */
export async function purgeQueue(dataDir: string): Promise<void> {
  const { sqsEndpoint, queueUrl } = v.parse(endpointsSchema, JSON.parse(await readFile(path.join(dataDir, 'endpoints.json'), 'utf8')));
  const client = new SQSClient({ endpoint: sqsEndpoint, region: REGION, credentials: LOCAL_CREDENTIALS });
  try {
    await client.send(new PurgeQueueCommand({ QueueUrl: queueUrl }));
  } finally {
    client.destroy();
  }
}
