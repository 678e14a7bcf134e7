#!lua
-- init-stock: creates a promotion, or sets its stock again as long as nobody has joined.
-- KEYS     1 waiting_queue  2 processing  3 stock  4 ticket  5 promotion  6 lease  7 sold_out_queue  8 restock_requests
-- ARGV     1 stock
-- Returns  {'SET', initial stock} | {'UNCHANGED', initial stock} | {'IN_PROGRESS'} | {'CLOSED'} | {'BEING_REMOVED'}
-- Guards   a retried request never refills the shelf
local promotion = redis.call('HMGET', KEYS[5], 'state', 'initialStock')
local state = promotion[1]
if state == 'REMOVING' then
  return {'BEING_REMOVED'}
end
local stock = whole_number(ARGV[1], 'stock')
local joined = redis.call('HLEN', KEYS[4]) > 0
local left = redis.call('GET', KEYS[3])
if not state then
  local remains = redis.call('LLEN', KEYS[1]) + redis.call('SCARD', KEYS[2]) + redis.call('ZCARD', KEYS[6]) + redis.call('LLEN', KEYS[7])
  if joined or remains > 0 then
    error({err = 'ERR coupon-queue: the promotion has users but no promotion hash'})
  end
  redis.call('HSET', KEYS[5], 'state', 'OPEN', 'initialStock', digits(stock), 'nowServing', '0', 'nextDrainAtMs', '0',
    'createdAtMs', digits(server_now_ms()))
  redis.call('SET', KEYS[3], digits(stock))
  return {'SET', stock}
end
local initial_stock = whole_number(promotion[2], 'initialStock')
if joined or state == 'CLOSED' then
  if stock == initial_stock then
    return {'UNCHANGED', initial_stock}
  end
  return {joined and 'IN_PROGRESS' or 'CLOSED'}
end
whole_number(left, 'stock')
redis.call('HSET', KEYS[5], 'initialStock', digits(stock))
redis.call('SET', KEYS[3], digits(stock))
return {'SET', stock}
