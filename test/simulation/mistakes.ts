import type { Mistakes } from './simulated-scripts.ts';

const replace = (from: string, to: string) => (text: string) => text.replaceAll(from, to);

/** Scripts with a mistake that breaks a promise: name of the mistake → the script and what is wrong in it. */
export const MISTAKES: Record<string, Mistakes> = {
  'drain reserves no stock for those in processing': { drain: replace('stock - in_flight, max', 'stock, max') },
  'drain does not wait for its time': { drain: replace('if wait > 0 and wait <= interval then', 'if false then') },
  'drain waits until a clock that was set back has caught up': { drain: replace('if wait > 0 and wait <= interval then', 'if wait > 0 then') },
  'drain takes those in processing for nobody': { drain: replace('KEYS[1], KEYS[2], KEYS[5], KEYS[6]) == 0', 'KEYS[1], KEYS[6]) == 0') },
  'drain takes a line that is being swept for nobody': { drain: replace('KEYS[5], KEYS[6]) == 0', 'KEYS[5]) == 0') },
  'drain forgets when the next one is due': { drain: replace("'#nextDrainAtMs', now + interval, ", '') },
  'drain never sends again': { drain: replace('if leased > 0 then', 'if false then') },
  'drain lets leases of a clock that was set back stand': { drain: replace("'LIMIT', 0, batch - #lapsed)", "'LIMIT', 0, 0)") },
  'drain admits while paused': { drain: replace("if state == 'OPEN' then", "if state ~= 'CLOSED' then") },
  'drain takes the end of the line': { drain: (text) => replace("'LTRIM', KEYS[1], room, -1)", "'LTRIM', KEYS[1], 0, -room - 1)")(replace("'LRANGE', KEYS[1], 0, room - 1)", "'LRANGE', KEYS[1], -room, -1)")(text)) },
  'drain fails the line while coupons are on their way': { drain: replace('(stock == 0 or', '(stock <= in_flight or') },
  'drain overwrites a sold-out line that is being swept': { drain: replace('and failing == 0 and', 'and') },
  'drain forgets to advance now serving past a sold-out line': { drain: replace('now_serving = now_serving + waiting', 'now_serving = now_serving') },
  'sweep drops one more than it has written': { sweep: replace("'LTRIM', KEYS[6], count, -1)", "'LTRIM', KEYS[6], count + 1, -1)") },
  'sweep takes the line in the place of the sold-out line': { sweep: replace('KEYS[6]', 'KEYS[1]') },
  'issue does not ask who is in processing': { issue: replace('if processing[i] == 1 then', 'if true then') },
  'issue leaves the lease behind': { issue: replace("call('ZREM', KEYS[5], unpack(leaving))", '') },
  'join gives a second place to who is known': { join: replace('if status or ticket then', "if status ~= 'WAITING' and (status or ticket) then") },
  'join lets newcomers in when all is sold': { join: replace("'stock') == 0 then", "'stock') < 0 then") },
  'restock counts each time': { control: replace("KEYS[7], ARGV[3]) == 1)", "KEYS[7], ARGV[3]) == 2)") },
  'control opens a closed promotion again': { control: replace("elseif state == 'CLOSED' then", "elseif state == 'GONE' then") },
  'init-stock refills the shelf after the first join': { 'init-stock': replace("if joined or state == 'CLOSED' then", "if state == 'CLOSED' then") },
  'retire does not wait for those in processing': { retire: replace("redis.call('SCARD', KEYS[2]) + redis.call('ZCARD', KEYS[5])", '0') },
  "retire takes the promotion's own fields for users": { retire: replace('most + PROMOTION_FIELDS', 'most') },
  'retire leaves the last statuses': { retire: replace("redis.call('DEL', unpack(status_keys))", 'redis.call(\'DEL\', status_keys[1])') },
};
