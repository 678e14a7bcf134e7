import type { Redis } from 'ioredis';
import { keysOf, ownKeys } from '../../lambda/queue/keys.ts';
import { composeScript } from '../../lambda/queue/script.ts';
import type { Snapshot } from '../invariants.ts';

/** Reads everything of a promotion; one round trip, since the simulation looks after each step. */
const script = composeScript(
  `#!lua flags=no-writes
local fields, tickets, status_keys = redis.call('HGETALL', KEYS[4]), {}, {}
for i = 1, #fields, 2 do
  if string.sub(fields[i], 1, 1) ~= '#' then
    tickets[#tickets + 1] = fields[i]
    tickets[#tickets + 1] = fields[i + 1]
    status_keys[#status_keys + 1] = ARGV[1] .. fields[i]
  end
end
return {redis.call('HMGET', KEYS[4], '#state', '#initialStock', '#nowServing'), redis.call('GET', KEYS[3]),
  redis.call('LRANGE', KEYS[1], 0, -1), redis.call('LRANGE', KEYS[6], 0, -1), redis.call('SMEMBERS', KEYS[2]), redis.call('ZRANGE', KEYS[5], 0, -1),
  tickets, #status_keys > 0 and redis.call('MGET', unpack(status_keys)) or {}}
`,
);

/** Makes the server know the script; again after each SCRIPT FLUSH. */
export async function loadSnapshotScript(real: Redis): Promise<void> {
  await real.script('LOAD', script.source);
}

type Reply = [(string | null)[], string | null, string[], string[], string[], string[], string[], (string | null)[]];

/** Everything that Redis holds of a promotion now, as `snapshot` reads it in several round trips. */
export async function snapshotInOneCall(real: Redis, promotionId: string): Promise<Snapshot> {
  const keys = ownKeys(promotionId);
  const reply = (await real.evalsha(script.sha, keys.length, ...keys, keysOf(promotionId).userStatusPrefix)) as Reply;
  const [promotion, stock, line, soldOutLine, processing, leases, flat, written] = reply;
  const tickets = new Map<string, number>();
  const statuses = new Map<string, string | null>();
  for (let i = 0; i < flat.length; i += 2) {
    const user = flat[i] ?? '';
    tickets.set(user, Number(flat[i + 1]));
    statuses.set(user, written[i / 2] ?? null);
  }
  return {
    state: promotion[0] ?? null,
    stock: Number(stock ?? NaN),
    initialStock: Number(promotion[1] ?? NaN),
    nowServing: Number(promotion[2] ?? NaN),
    line,
    soldOutLine,
    processing,
    leases,
    tickets,
    statuses,
  };
}
