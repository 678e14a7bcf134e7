#!lua flags=allow-oom
-- sweep: writes FAILED for the next users of the sold-out line. Called again and again between ticks, so Redis never stalls.
-- KEYS     1 waiting_queue  2 processing  3 stock  4 promotion  5 lease  6 sold_out_queue  7 restock_requests
-- ARGV     1 user_status prefix  2 most users to sweep
-- Returns  {number failed, number left in the sold-out line, {dropped}}
-- Guards   a status only moves forward: whoever is PROCESSING, COMPLETED or FAILED is let go as it is
local users = redis.call('LRANGE', KEYS[6], 0, tonumber(ARGV[2]) - 1)
if #users == 0 then
  return {0, 0, {}}
end
local left = redis.call('LLEN', KEYS[6]) - #users
local status_keys = {}
for i, user in ipairs(users) do
  status_keys[i] = ARGV[1] .. user
end
local current = redis.call('MGET', unpack(status_keys))
local statuses, dropped = {}, {}
for i, user in ipairs(users) do
  local status = current[i]
  if status == 'PROCESSING' or status == 'COMPLETED' or status == 'FAILED' then
    dropped[#dropped + 1] = user
  else
    statuses[#statuses + 1] = status_keys[i]
    statuses[#statuses + 1] = 'FAILED'
  end
end
redis.call('LPOP', KEYS[6], #users)
if #statuses > 0 then
  redis.call('MSET', unpack(statuses))
end
return {#users - #dropped, left, dropped}
