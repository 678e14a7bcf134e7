#!lua flags=allow-oom
-- retire: deletes some users of a promotion that is being removed, and at last the promotion's own keys. It waits until the
--         line, the sold-out line, processing and lease are empty.
-- KEYS     1 waiting_queue  2 processing  3 stock  4 ticket  5 promotion  6 lease  7 sold_out_queue  8 restock_requests
-- ARGV     1 user_status prefix  2 most users to delete
-- Returns  {'NOT_REMOVING'} | {'BUSY'} | {'RETIRED', number of users deleted, number left} | {'GONE'}
-- Guards   nobody is deleted while a coupon may still be issued to them; nothing of a promotion outlives it
if redis.call('HGET', KEYS[5], 'state') ~= 'REMOVING' then
  return {'NOT_REMOVING'}
end
if redis.call('LLEN', KEYS[1]) + redis.call('LLEN', KEYS[7]) + redis.call('SCARD', KEYS[2]) + redis.call('ZCARD', KEYS[6]) > 0 then
  return {'BUSY'}
end
-- Not HSCAN: in a hash that shrinks it walks over empty buckets and finds nothing.
local users = redis.call('HRANDFIELD', KEYS[4], tonumber(ARGV[2]))
if #users == 0 then
  redis.call('DEL', unpack(KEYS))
  return {'GONE'}
end
local left = redis.call('HLEN', KEYS[4]) - #users
local status_keys = {}
for i, user in ipairs(users) do
  status_keys[i] = ARGV[1] .. user
end
redis.call('DEL', unpack(status_keys))
redis.call('HDEL', KEYS[4], unpack(users))
return {'RETIRED', #users, left}
