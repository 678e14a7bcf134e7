#!lua flags=allow-oom
-- sweep: writes FAILED for the next users of the sold-out line. Called again and again between ticks, so Redis never stalls.
-- KEYS     1 waiting_queue  2 processing  3 stock  4 promotion  5 lease  6 sold_out_queue  7 restock_requests
-- ARGV     1 user_status prefix  2 most users to sweep
-- Returns  {number failed, number left in the sold-out line, {dropped}}
-- Guards   a status only moves forward: whoever is PROCESSING, COMPLETED or FAILED is let go as it is
local call = redis.call
local users = call('LRANGE', KEYS[6], 0, tonumber(ARGV[2]) - 1)
local count = #users
if count == 0 then
  return {0, 0, {}}
end
local left = call('LLEN', KEYS[6]) - count
local status_keys = {}
for i = 1, count do
  status_keys[i] = ARGV[1] .. users[i]
end
local current = call('MGET', unpack(status_keys))
local statuses, dropped, failed = {}, {}, 0
for i = 1, count do
  local status = current[i]
  if status == 'PROCESSING' or status == 'COMPLETED' or status == 'FAILED' then
    dropped[#dropped + 1] = users[i]
  else
    failed = failed + 1
    statuses[2 * failed - 1] = status_keys[i]
    statuses[2 * failed] = 'FAILED'
  end
end
call('LTRIM', KEYS[6], count, -1)
if failed > 0 then
  call('MSET', unpack(statuses))
end
return {failed, left, dropped}
