#!lua flags=allow-oom
-- issue: takes one unit of stock for each user who is still in processing, and writes the result.
-- KEYS     1 waiting_queue  2 processing  3 stock  4 promotion  5 lease  6 sold_out_queue  7 restock_requests
-- ARGV     1 user_status prefix  2.. user ids
-- Returns  {{completed}, {failed}, {released: in processing with a final status, let go without a coupon}}; anyone else is left alone
-- Guards   being in processing is the only right to a coupon, so a message that comes twice, late or in another order changes
--          nothing; COMPLETED + stock = initial stock; stock is never negative
local users = {}
local seen = {}
for i = 2, #ARGV do
  if not seen[ARGV[i]] then
    seen[ARGV[i]] = true
    users[#users + 1] = ARGV[i]
  end
end
local processing = redis.call('SMISMEMBER', KEYS[2], unpack(users))
local leaving, status_keys = {}, {}
for i, user in ipairs(users) do
  if processing[i] == 1 then
    leaving[#leaving + 1] = user
    status_keys[#status_keys + 1] = ARGV[1] .. user
  end
end
if #leaving == 0 then
  return {{}, {}, {}}
end
local stock = whole_number(redis.call('GET', KEYS[3]), 'stock')
redis.call('ZCARD', KEYS[5])
local current = redis.call('MGET', unpack(status_keys))
local completed, failed, released, statuses = {}, {}, {}, {}
for i, user in ipairs(leaving) do
  local result
  if current[i] == 'COMPLETED' or current[i] == 'FAILED' then
    released[#released + 1] = user
  elseif #completed < stock then
    completed[#completed + 1] = user
    result = 'COMPLETED'
  else
    failed[#failed + 1] = user
    result = 'FAILED'
  end
  if result then
    statuses[#statuses + 1] = status_keys[i]
    statuses[#statuses + 1] = result
  end
end
if #completed > 0 then
  redis.call('DECRBY', KEYS[3], #completed)
end
if #statuses > 0 then
  redis.call('MSET', unpack(statuses))
end
redis.call('SREM', KEYS[2], unpack(leaving))
redis.call('ZREM', KEYS[5], unpack(leaving))
return {completed, failed, released}
