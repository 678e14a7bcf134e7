#!lua
-- init-stock: creates a promotion, or sets its stock again as long as nobody has joined.
-- KEYS     1 waiting_queue  2 processing  3 stock  4 promotion  5 lease  6 sold_out_queue  7 restock_requests
-- ARGV     1 stock
-- Returns  {'SET', initial stock} | {'UNCHANGED', initial stock} | {'IN_PROGRESS'} | {'CLOSED'} | {'BEING_REMOVED'}
-- Guards   a retried request never refills the shelf
local promotion = redis.call('HMGET', KEYS[4], '#state', '#initialStock')
local state = promotion[1]
if state == 'REMOVING' then
  return {'BEING_REMOVED'}
end
local stock = whole_number(ARGV[1], 'stock')
local fields = redis.call('HLEN', KEYS[4])
local left = redis.call('GET', KEYS[3])
if not state then
  local remains = redis.call('LLEN', KEYS[1]) + redis.call('SCARD', KEYS[2]) + redis.call('ZCARD', KEYS[5]) + redis.call('LLEN', KEYS[6])
  if fields + remains > 0 then
    error({err = 'ERR coupon-queue: there are users of the promotion, but it has no state'})
  end
  redis.call('HSET', KEYS[4], '#state', 'OPEN', '#initialStock', stock, '#nowServing', '0', '#nextDrainAtMs', '0',
    '#createdAtMs', (server_now_ms()))
  redis.call('SET', KEYS[3], stock)
  return {'SET', stock}
end
local joined = fields > PROMOTION_FIELDS
local initial_stock = whole_number(promotion[2], 'initialStock')
if joined or state == 'CLOSED' then
  if stock == initial_stock then
    return {'UNCHANGED', initial_stock}
  end
  return {joined and 'IN_PROGRESS' or 'CLOSED'}
end
whole_number(left, 'stock')
redis.call('HSET', KEYS[4], '#initialStock', stock)
redis.call('SET', KEYS[3], stock)
return {'SET', stock}
