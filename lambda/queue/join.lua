#!lua
-- join: gives a newcomer the next place in line; a known user learns the present state, and nothing is written.
-- KEYS     1 waiting_queue  2 processing  3 stock  4 promotion  5 lease  6 sold_out_queue  7 restock_requests
--          8 user_status of the user
-- ARGV     1 user id
-- Returns  {'WAITING', position} | {'PROCESSING'} | {'COMPLETED'} | {'FAILED'} | {'NOT_FOUND'} | {'CLOSED'} | {'SOLD_OUT'}
-- Guards   a user stands in line once; a ticket is given once, in the order of arrival; no write once sold out or closed
local promotion = redis.call('HMGET', KEYS[4], '#state', '#nowServing', ARGV[1])
local state, ticket = promotion[1], promotion[3]
if not state or state == 'REMOVING' then
  return {'NOT_FOUND'}
end
local now_serving = whole_number(promotion[2], 'nowServing')
local status = redis.call('GET', KEYS[8])
if status or ticket then
  if status and status ~= 'WAITING' then
    return {status}
  end
  local position = ticket and whole_number(ticket, 'ticket') - now_serving or 0
  if position <= 0 or state == 'CLOSED' then
    return {'FAILED'}
  end
  return {'WAITING', position}
end
if state == 'CLOSED' then
  return {'CLOSED'}
end
if whole_number(redis.call('GET', KEYS[3]), 'stock') == 0 then
  return {'SOLD_OUT'}
end
-- RPUSH is the first write and refuses a key of another type; HMGET and GET above have read the other two.
local position = redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[4], ARGV[1], digits(now_serving + position))
-- SETRANGE copies its value; SET would keep Lua's cached argument, which may be larger than what it holds.
redis.call('SETRANGE', KEYS[8], 0, 'WAITING')
return {'WAITING', position}
