#!lua flags=allow-oom
-- forget-promotion: takes a promotion that no longer exists from those that the loop visits, if its last init-stock is old enough.
-- KEYS     1 promotions
-- ARGV     1 promotion id  2 age (ms) that its last init-stock must have
-- Returns  1 if it was taken out, else 0
-- Guards   an init-stock that is just creating it again is not forgotten
local registered_at = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not registered_at or server_now_ms() - tonumber(registered_at) <= tonumber(ARGV[2]) then
  return 0
end
return redis.call('ZREM', KEYS[1], ARGV[1])
