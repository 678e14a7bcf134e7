#!lua
-- join: gives a newcomer the next place in line; a known user learns the present state, and nothing is written.
-- KEYS     1 waiting_queue  2 stock  3 promotion  4 user_status of the user
-- ARGV     1 user id
-- Returns  position (above 0: WAITING) | 'PROCESSING' | 'COMPLETED' | 'FAILED' | 'NOT_FOUND' | 'CLOSED' | 'SOLD_OUT'
-- Guards   a user stands in line once; a ticket is given once, in the order of arrival; no write once sold out or closed
-- Not all of the promotion's own keys, since each costs 0.2 us, and a slot that is just migrating stops it before it has written
-- all the same: it writes for a newcomer only, whose status key is missing while the promotion hash exists, on either node.
local call = redis.call -- looked up once, not six times
local promotion = call('HMGET', KEYS[3], '#state', '#nowServing', ARGV[1])
local state, ticket = promotion[1], promotion[3]
if not state or state == 'REMOVING' then
  return 'NOT_FOUND'
end
local now_serving = whole_number(promotion[2], 'nowServing')
local status = call('GET', KEYS[4])
if status or ticket then
  if status and status ~= 'WAITING' then
    return status
  end
  local position = ticket and whole_number(ticket, 'ticket') - now_serving or 0
  if position <= 0 or state == 'CLOSED' then
    return 'FAILED'
  end
  return position
end
if state == 'CLOSED' then
  return 'CLOSED'
end
if whole_number(call('GET', KEYS[2]), 'stock') == 0 then
  return 'SOLD_OUT'
end
-- RPUSH is the first write and refuses a key of another type; HMGET and GET above have read the other two.
local position = call('RPUSH', KEYS[1], ARGV[1])
call('HSET', KEYS[3], ARGV[1], now_serving + position)
-- SETRANGE copies its value; SET would keep Lua's cached argument, which may be larger than what it holds.
call('SETRANGE', KEYS[4], 0, 'WAITING')
return position
