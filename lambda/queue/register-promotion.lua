#!lua
-- register-promotion: puts a promotion among those that the loop visits, or renews its entry.
-- KEYS     1 promotions
-- ARGV     1 promotion id
-- Returns  1
-- Guards   no promotion is ever forgotten: this runs before init-stock creates it
redis.call('ZADD', KEYS[1], server_now_ms(), ARGV[1])
return 1
