#!lua flags=allow-oom
-- retire: deletes some users of a promotion that is being removed, and at last the promotion's own keys. It waits until the
--         line, the sold-out line, processing and lease are empty.
-- KEYS     1 waiting_queue  2 processing  3 stock  4 promotion  5 lease  6 sold_out_queue  7 restock_requests
-- ARGV     1 user_status prefix  2 most users to delete
-- Returns  {'NOT_REMOVING'} | {'BUSY'} | {'RETIRED', number of users deleted, number left} | {'GONE'}
-- Guards   nobody is deleted while a coupon may still be issued to them; nothing of a promotion outlives it
if redis.call('HGET', KEYS[4], '#state') ~= 'REMOVING' then
  return {'NOT_REMOVING'}
end
if redis.call('LLEN', KEYS[1]) + redis.call('LLEN', KEYS[6]) + redis.call('SCARD', KEYS[2]) + redis.call('ZCARD', KEYS[5]) > 0 then
  return {'BUSY'}
end
-- Not HSCAN: in a hash that shrinks it walks over empty buckets and finds nothing.
-- So many more than it may delete, since the promotion's own fields may be among them: users are found as long as there are any.
local most = tonumber(ARGV[2])
local users, status_keys = {}, {}
for _, field in ipairs(redis.call('HRANDFIELD', KEYS[4], most + PROMOTION_FIELDS)) do
  if #users < most and string.sub(field, 1, 1) ~= '#' then
    users[#users + 1] = field
    status_keys[#status_keys + 1] = ARGV[1] .. field
  end
end
if #users == 0 then
  redis.call('DEL', unpack(KEYS))
  return {'GONE'}
end
local left = redis.call('HLEN', KEYS[4]) - PROMOTION_FIELDS - #users
redis.call('DEL', unpack(status_keys))
redis.call('HDEL', KEYS[4], unpack(users))
return {'RETIRED', #users, left}
