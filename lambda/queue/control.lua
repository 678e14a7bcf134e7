#!lua flags=allow-oom
-- control: an operator's restock, pause, resume, close or remove. It may run when memory is full: close and remove are the way out.
-- KEYS     1 waiting_queue  2 processing  3 stock  4 promotion  5 lease  6 sold_out_queue  7 restock_requests
-- ARGV     1 action  2 quantity (restock)  3 request id (restock)
-- Returns  {'APPLIED', stock, waiting, processing, initial stock, tickets, state} | {'NOT_FOUND'} | {'CLOSED'} | {'NOT_CLOSED'}
-- Guards   a restock counts once per request id; closing is final; only a closed promotion can be removed
local action = ARGV[1]
local promotion = redis.call('HMGET', KEYS[4], '#state', '#initialStock')
local state = promotion[1]
if not state or state == 'REMOVING' then
  return {'NOT_FOUND'}
end
local initial_stock = whole_number(promotion[2], 'initialStock')
local stock = whole_number(redis.call('GET', KEYS[3]), 'stock')
local waiting = redis.call('LLEN', KEYS[1])
local processing = redis.call('SCARD', KEYS[2])
local tickets = redis.call('HLEN', KEYS[4]) - PROMOTION_FIELDS

-- What is asked, if it does not hold already.
local holds = (action == 'pause' and state == 'PAUSED') or (action == 'resume' and state == 'OPEN') or (action == 'close' and state == 'CLOSED')
  or (action == 'restock' and redis.call('SISMEMBER', KEYS[7], ARGV[3]) == 1)
if not holds then
  if action == 'remove' then
    if state ~= 'CLOSED' then
      return {'NOT_CLOSED'}
    end
    redis.call('HSET', KEYS[4], '#state', 'REMOVING')
  elseif state == 'CLOSED' then
    return {'CLOSED'}
  elseif action == 'restock' then
    local quantity = whole_number(ARGV[2], 'quantity')
    stock = stock + quantity
    initial_stock = initial_stock + quantity
    whole_number(string.format('%d', initial_stock), 'initialStock after this restock')
    redis.call('SADD', KEYS[7], ARGV[3])
    redis.call('SET', KEYS[3], stock)
    redis.call('HSET', KEYS[4], '#initialStock', initial_stock)
  else
    state = ({pause = 'PAUSED', resume = 'OPEN', close = 'CLOSED'})[action]
    redis.call('HSET', KEYS[4], '#state', state)
  end
end
return {'APPLIED', stock, waiting, processing, initial_stock, tickets, state}
