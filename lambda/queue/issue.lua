#!lua flags=allow-oom
-- issue: takes one unit of stock for each user who is still in processing, and writes the result.
-- KEYS     1 waiting_queue  2 processing  3 stock  4 promotion  5 lease  6 sold_out_queue  7 restock_requests
-- ARGV     1 user_status prefix  2.. user ids
-- Returns  {number completed, number failed, {released: in processing with a final status, let go without a coupon},
--          1 if the last unit was taken}; anyone else is left alone
-- Guards   being in processing is the only right to a coupon, so a message that comes twice, late or in another order changes
--          nothing; COMPLETED + stock = initial stock; stock is never negative
local call = redis.call
local processing = call('SMISMEMBER', KEYS[2], unpack(ARGV, 2))
local leaving, status_keys, n = {}, {}, 0
for i = 1, #processing do
  if processing[i] == 1 then
    local user = ARGV[i + 1]
    n = n + 1
    leaving[n] = user
    status_keys[n] = ARGV[1] .. user
  end
end
if n == 0 then
  return {0, 0, {}, 0}
end
local stock = whole_number(call('GET', KEYS[3]), 'stock')
call('ZCARD', KEYS[5])
local current = call('MGET', unpack(status_keys))

-- Everything is read and checked: write. Where fewer leave than were found, someone stands in the message twice, and counts once.
if call('SREM', KEYS[2], unpack(leaving)) < n then
  local seen, once = {}, 0
  for i = 1, n do
    if not seen[leaving[i]] then
      seen[leaving[i]] = true
      once = once + 1
      leaving[once], status_keys[once], current[once] = leaving[i], status_keys[i], current[i]
    end
  end
  n = once
end
local completed, failed, released, statuses, written = 0, 0, {}, {}, 0
for i = 1, n do
  local status, result = current[i], 'COMPLETED'
  if status == 'COMPLETED' or status == 'FAILED' then
    released[#released + 1] = leaving[i]
  else
    if completed < stock then
      completed = completed + 1
    else
      failed = failed + 1
      result = 'FAILED'
    end
    statuses[written + 1] = status_keys[i]
    statuses[written + 2] = result
    written = written + 2
  end
end
if completed > 0 then
  call('DECRBY', KEYS[3], completed)
end
if written > 0 then
  call('MSET', unpack(statuses))
end
call('ZREM', KEYS[5], unpack(leaving))
return {completed, failed, released, (completed > 0 and completed == stock) and 1 or 0}
