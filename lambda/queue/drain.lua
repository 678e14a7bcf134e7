#!lua flags=allow-oom
-- drain: if one is due, takes the head of the line into processing, hands out lapsed leases again, and turns a line that
--        can win nothing any more into the sold-out line. Not due: says how long to wait, and does nothing else.
-- KEYS     1 waiting_queue  2 processing  3 stock  4 promotion  5 lease  6 sold_out_queue  7 restock_requests
-- ARGV     1 user_status prefix  2 batch size  3 interval (ms)  4 lease (ms)  5 max in flight
-- Returns  {'NOT_FOUND'} | {'NOT_DUE', wait us}
--          | {'DRAINED', wait us, state, length of the sold-out line, {admitted}, {resent}, {dropped}}
-- Guards   at most one batch per interval of server time; a unit of stock is reserved for everyone admitted, so that the
--          winners are the first tickets whatever happens later; |processing| = |lease| <= stock
local promotion = redis.call('HMGET', KEYS[4], '#state', '#nowServing', '#nextDrainAtMs')
local state = promotion[1]
if not state then
  return {'NOT_FOUND'}
end
local batch, interval, lease, max_in_flight = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local now, now_us = server_now_ms()
local next_drain_at = whole_number(promotion[3], 'nextDrainAtMs')
local wait = next_drain_at - now
-- A wait longer than the interval means that the clock was set back: due.
if wait > 0 and wait <= interval then
  return {'NOT_DUE', wait * 1000 - now_us}
end

-- Read and check everything.
local now_serving = whole_number(promotion[2], 'nowServing')
local stock = whole_number(redis.call('GET', KEYS[3]), 'stock')
local waiting = redis.call('LLEN', KEYS[1])
local in_flight = redis.call('SCARD', KEYS[2])
local leased = redis.call('ZCARD', KEYS[5])
local failing = redis.call('LLEN', KEYS[6])

local lapsed = {}
if leased > 0 then
  lapsed = redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', now, 'LIMIT', 0, batch)
  if #lapsed < batch then
    -- A lease that ends later than one given now would: the clock was set back.
    local ahead = redis.call('ZRANGEBYSCORE', KEYS[5], string.format('(%d', now + lease), '+inf', 'LIMIT', 0, batch - #lapsed)
    for _, user in ipairs(ahead) do
      lapsed[#lapsed + 1] = user
    end
  end
end

local head, admitted, dropped, statuses, leases = {}, {}, {}, {}, {}
local lease_until = string.format('%d', now + lease)
local room = 0
if state == 'OPEN' then
  room = math.min(batch, waiting, stock - in_flight, max_in_flight - in_flight)
end
if room > 0 then
  head = redis.call('LRANGE', KEYS[1], 0, room - 1)
  local status_keys = {}
  for i, user in ipairs(head) do
    status_keys[i] = ARGV[1] .. user
  end
  local current = redis.call('MGET', unpack(status_keys))
  local processing = redis.call('SMISMEMBER', KEYS[2], unpack(head))
  local seen = {}
  for i, user in ipairs(head) do
    local status = current[i]
    if seen[user] or processing[i] == 1 or status == 'PROCESSING' or status == 'COMPLETED' or status == 'FAILED' then
      dropped[#dropped + 1] = user
    else
      seen[user] = true
      admitted[#admitted + 1] = user
      statuses[#statuses + 1] = status_keys[i]
      statuses[#statuses + 1] = 'PROCESSING'
      leases[#leases + 1] = lease_until
      leases[#leases + 1] = user
    end
  end
end

-- Write. No key below is read again.
if #head > 0 then
  redis.call('LPOP', KEYS[1], #head)
  now_serving = now_serving + #head
elseif waiting > 0 and failing == 0 and (stock == 0 or state == 'CLOSED' or state == 'REMOVING') then
  -- From here on each of them reads as FAILED (WAITING with position <= 0): two writes, whatever the length.
  redis.call('RENAME', KEYS[1], KEYS[6])
  now_serving = now_serving + waiting
  failing = waiting
end
redis.call('HSET', KEYS[4], '#nextDrainAtMs', now + interval, '#nowServing', now_serving)
if #admitted > 0 then
  redis.call('MSET', unpack(statuses))
  redis.call('SADD', KEYS[2], unpack(admitted))
  redis.call('ZADD', KEYS[5], unpack(leases))
end
if #lapsed > 0 then
  local renewed = {}
  for i, user in ipairs(lapsed) do
    renewed[i * 2 - 1] = lease_until
    renewed[i * 2] = user
  end
  redis.call('ZADD', KEYS[5], unpack(renewed))
end
return {'DRAINED', interval * 1000 - now_us, state, failing, admitted, lapsed, dropped}
