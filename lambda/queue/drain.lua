#!lua flags=allow-oom
-- drain: if one is due, takes the head of the line into processing, hands out lapsed leases again, and turns a line that
--        can win nothing any more into the sold-out line. Not due: says how long to wait, and does nothing else.
-- KEYS     1 waiting_queue  2 processing  3 stock  4 promotion  5 lease  6 sold_out_queue  7 restock_requests
-- ARGV     1 user_status prefix  2 batch size  3 interval (ms)  4 lease (ms)  5 max in flight
-- Returns  'NOT_FOUND' | us to wait (above 0: not due)
--          | {us to wait, state, length of the sold-out line, {admitted}, {resent}, {dropped}, now serving}, only the first three if there is nobody at all
-- Guards   at most one batch per interval of server time; a unit of stock is reserved for everyone admitted, so that the
--          winners are the first tickets whatever happens later; |processing| = |lease| <= stock
local call = redis.call
local promotion = call('HMGET', KEYS[4], '#state', '#nowServing', '#nextDrainAtMs')
local state = promotion[1]
if not state then
  return 'NOT_FOUND'
end
-- Nobody in line, in processing or to be swept: there is nothing to do, due or not.
if call('EXISTS', KEYS[1], KEYS[2], KEYS[5], KEYS[6]) == 0 then
  return {ARGV[3] * 1000, state, 0}
end
local batch, interval, lease, max_in_flight = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local now, now_us = server_now_ms()
local next_drain_at = whole_number(promotion[3], 'nextDrainAtMs')
local wait = next_drain_at - now
-- A wait longer than the interval means that the clock was set back: due.
if wait > 0 and wait <= interval then
  return wait * 1000 - now_us
end

-- Read and check everything.
local now_serving = whole_number(promotion[2], 'nowServing')
local stock = whole_number(call('GET', KEYS[3]), 'stock')
local waiting = call('LLEN', KEYS[1])
local in_flight = call('SCARD', KEYS[2])
local leased = call('ZCARD', KEYS[5])
local failing = call('LLEN', KEYS[6])

local lapsed = {}
if leased > 0 then
  lapsed = call('ZRANGEBYSCORE', KEYS[5], '-inf', now, 'LIMIT', 0, batch)
  if #lapsed < batch then
    -- A lease that ends later than one given now would: the clock was set back.
    local ahead = call('ZRANGEBYSCORE', KEYS[5], string.format('(%d', now + lease), '+inf', 'LIMIT', 0, batch - #lapsed)
    for _, user in ipairs(ahead) do
      lapsed[#lapsed + 1] = user
    end
  end
end

local room = 0
if state == 'OPEN' then
  room = math.min(batch, waiting, stock - in_flight, max_in_flight - in_flight)
end
-- Who stood in line twice, or was in processing already, is admitted once all the same: processing and lease hold everyone
-- once, and issue counts everyone once.
local lease_until = string.format('%d', now + lease)
local admitted, dropped, statuses, leases, n = {}, {}, {}, {}, 0
if room > 0 then
  local users, status_keys = call('LRANGE', KEYS[1], 0, room - 1), {}
  for i = 1, room do
    status_keys[i] = ARGV[1] .. users[i]
  end
  local current = call('MGET', unpack(status_keys))
  for i = 1, room do
    local user, status = users[i], current[i]
    if status == 'PROCESSING' or status == 'COMPLETED' or status == 'FAILED' then
      dropped[#dropped + 1] = user
    else
      -- Counted, since #admitted would be searched for each time: 0.1 us per user and table.
      n = n + 1
      admitted[n] = user
      statuses[2 * n - 1] = status_keys[i]
      statuses[2 * n] = 'PROCESSING'
      leases[2 * n - 1] = lease_until
      leases[2 * n] = user
    end
  end
end

-- Write. No key below is read again. Where nothing moves nothing is written: who is to be admitted next need not wait for it.
local moves = true
if room > 0 then
  call('LTRIM', KEYS[1], room, -1)
  now_serving = now_serving + room
elseif waiting > 0 and failing == 0 and (stock == 0 or state == 'CLOSED' or state == 'REMOVING') then
  -- From here on each of them reads as FAILED (WAITING with position <= 0): two writes, whatever the length.
  call('RENAME', KEYS[1], KEYS[6])
  now_serving = now_serving + waiting
  failing = waiting
else
  moves = #lapsed > 0
end
if moves then
  call('HSET', KEYS[4], '#nextDrainAtMs', now + interval, '#nowServing', now_serving)
end
if n > 0 then
  call('MSET', unpack(statuses))
  call('SADD', KEYS[2], unpack(admitted))
  if leased == 0 then
    -- A sorted set whose first member is over 64 bytes is no listpack, which would be searched through for each user: 0.7 us each in a batch of 100.
    local wide = string.rep('#', 65)
    call('ZADD', KEYS[5], 0, wide, unpack(leases))
    call('ZREM', KEYS[5], wide)
  else
    call('ZADD', KEYS[5], unpack(leases))
  end
end
if #lapsed > 0 then
  local renewed = {}
  for i, user in ipairs(lapsed) do
    renewed[i * 2 - 1] = lease_until
    renewed[i * 2] = user
  end
  call('ZADD', KEYS[5], unpack(renewed))
end
return {interval * 1000 - now_us, state, failing, admitted, lapsed, dropped, now_serving}
