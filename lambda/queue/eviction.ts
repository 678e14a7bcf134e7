import { onRedis, type RedisClient } from './redis.ts';

/**
 * The eviction policies, other than noeviction, of the servers that hold promotions: under pressure they would drop keys, and
 * with a status the record of who won. Read from INFO, since managed servers forbid CONFIG; a server that does not say is not counted.
 * @throws RedisUnavailable
 */
export async function evictionPolicies(client: RedisClient): Promise<string[]> {
  const infos = await onRedis(client, async () => {
    // A cluster knows its nodes once it has answered something.
    await client.ping();
    const masters = 'nodes' in client ? client.nodes('master') : [client];
    return Promise.all(masters.map((master) => master.info('memory')));
  });
  const policies = infos.map((info) => /^maxmemory_policy:([\w-]+)/m.exec(info)?.[1]).filter((policy) => policy !== undefined);
  return [...new Set(policies)].filter((policy) => policy !== 'noeviction');
}
