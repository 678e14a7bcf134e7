import type { Redis } from 'ioredis';
import { drainRunKey, keysOf, PROMOTIONS_KEY, userStatusKey } from '../../lambda/queue/keys.ts';

/** One key of each kind of a promotion, and one that is not the queue's, by the pattern that covers it. */
export function keyKinds(promotionId: string): Record<string, string> {
  const { userStatusPrefix: _, ...own } = keysOf(promotionId);
  const ofPromotion = [...Object.values(own), userStatusKey(promotionId, 'u1')].map((key) => [key.replace(/\{.*/, '{*'), key]);
  return { ...Object.fromEntries(ofPromotion), [PROMOTIONS_KEY]: PROMOTIONS_KEY, 'coupon:drain_run:*': drainRunKey(0), foreign: `sessions:{${promotionId}}` };
}

const kindOf = (key: string) => key.replace(/\{.*/, '{*').replace(/^(coupon:drain_run:).*/, '$1*');

/** What an access string allows, each as `command`, or `command R|W|RW pattern`. */
export function grantsOf(accessString: string): string[] {
  const [root = '', ...selectors] = accessString.split('(');
  const keyless = [...root.matchAll(/\+(\S+)/g)].map(([, command = '']) => command);
  const keyed = selectors.flatMap((selector) => {
    const keys = [...selector.matchAll(/(?:%(R|W))?~([^ )]+)/g)];
    return [...selector.matchAll(/\+(\S+)/g)].flatMap(([, command]) => keys.map(([, permission = 'RW', pattern]) => `${command} ${permission} ${pattern}`));
  });
  return [...keyless, ...keyed];
}

/** What a call needs, in the same words: Redis itself says which of the arguments are keys, and what the command does with each. */
export async function usesOf(server: Redis, call: readonly string[]): Promise<string[]> {
  const name = call[0]!.toLowerCase();
  const command = name === 'cluster' ? `${name}|${call[1]!.toLowerCase()}` : name;
  const keys = (await server.call('COMMAND', 'GETKEYSANDFLAGS', ...call).catch(() => [])) as [key: string, flags: string[]][];
  if (keys.length === 0) return [command];
  return keys.map(([key, flags]) => {
    const written = flags.some((flag) => ['insert', 'delete', 'update'].includes(flag));
    const read = flags.includes('access') || !written;
    return `${command} ${read ? 'R' : ''}${written ? 'W' : ''} ${kindOf(key)}`;
  });
}

/** Every command that some function or export calls on keys, and some that it might be tempted to, with arguments that only a refusal stops. */
export const KEYED_COMMANDS: Readonly<Record<string, (key: string) => string[]>> = {
  get: (key) => [key],
  set: (key) => [key, '999'],
  setrange: (key) => [key, '0', 'COMPLETED'],
  mget: (key) => [key],
  mset: (key) => [key, 'COMPLETED'],
  decrby: (key) => [key, '1'],
  incrby: (key) => [key, '1'],
  getdel: (key) => [key],
  append: (key) => [key, '0'],
  hget: (key) => [key, '#state'],
  hmget: (key) => [key, '#state'],
  hscan: (key) => [key, '0'],
  hgetall: (key) => [key],
  hlen: (key) => [key],
  hrandfield: (key) => [key, '1'],
  hset: (key) => [key, '#state', 'OPEN'],
  hdel: (key) => [key, 'u1'],
  hincrby: (key) => [key, 'n', '1'],
  llen: (key) => [key],
  lrange: (key) => [key, '0', '-1'],
  lpop: (key) => [key],
  ltrim: (key) => [key, '1', '-1'],
  lpush: (key) => [key, 'me-first'],
  rpush: (key) => [key, 'me'],
  linsert: (key) => [key, 'BEFORE', 'u1', 'me-first'],
  rename: (key) => [key, key],
  scard: (key) => [key],
  sismember: (key) => [key, 'u1'],
  smismember: (key) => [key, 'u1'],
  smembers: (key) => [key],
  sadd: (key) => [key, 'me'],
  srem: (key) => [key, 'u1'],
  zcard: (key) => [key],
  zscore: (key) => [key, 'u1'],
  zrange: (key) => [key, '0', '-1'],
  zrangebyscore: (key) => [key, '-inf', '+inf'],
  zadd: (key) => [key, '1', 'me'],
  zrem: (key) => [key, 'u1'],
  del: (key) => [key],
  unlink: (key) => [key],
  expire: (key) => [key, '1'],
  persist: (key) => [key],
  type: (key) => [key],
  exists: (key) => [key],
  ttl: (key) => [key],
  dump: (key) => [key],
  restore: (key) => [key, '0', 'x', 'REPLACE'],
  copy: (key) => [key, key],
  sort: (key) => [key],
  watch: (key) => [key],
  eval: (key) => ['return 1', '1', key],
  evalsha: (key) => ['0'.repeat(40), '1', key],
  eval_ro: (key) => ['return 1', '1', key],
  evalsha_ro: (key) => ['0'.repeat(40), '1', key],
};

/** What concerns the whole server, other clients, or who may do what. */
export const HOSTILE_CALLS: readonly (readonly string[])[] = [
  'flushall|flushdb|keys *|scan 0|randomkey|dbsize|swapdb 0 1|select 0|lastsave|save|bgsave|bgrewriteaof|shutdown nosave|role|lolwut|time|ping|info|multi|exec|discard|echo x|wait 0 0',
  'config get *|config set maxmemory-policy allkeys-lru|config rewrite|config resetstat|acl list|acl users|acl whoami|acl getuser default|acl setuser default on nopass ~* +@all',
  'acl deluser operator|acl cat|acl log|acl genpass|acl save|replicaof no one|failover|monitor|sync|psync ? -1|replconf ack 0|client list|client kill type normal',
  'client pause 1|client unpause|client setname me|client id|client no-evict on|client tracking on|command|command count|script flush|script load x|script kill|script exists x',
  'function list|function load x|function flush|function dump|function stats|fcall f 0|fcall_ro f 0|module list|slowlog get|slowlog reset|latency latest|latency reset',
  'memory stats|memory purge|memory doctor|cluster nodes|cluster info|cluster reset hard|cluster failover|cluster delslots 1|cluster setslot 1 stable|cluster forget x|cluster shards',
  'cluster meet 127.0.0.1 1|cluster addslots 1|cluster flushslots|cluster getkeysinslot 1 9|cluster countkeysinslot 1|cluster bumpepoch|cluster saveconfig|readonly|readwrite',
  'subscribe x|psubscribe *|ssubscribe x|publish x y|spublish x y|pubsub channels *|migrate 127.0.0.1 1 x 0 1|pfselftest|object help|xinfo help',
].flatMap((line) => line.split('|').map((call) => call.split(' ')));

/** What a refusal says: to a user by name, to a script that a user runs, to who has not signed in. */
export const refused = /NOPERM|NOAUTH|The user executing the script can't|ACL failure in script/;
