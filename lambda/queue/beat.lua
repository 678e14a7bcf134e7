#!lua flags=allow-oom
-- beat: a run reports a completed tick, unless a newer run has done so lately.
-- KEYS     1 drain_run
-- ARGV     1 number of the run  2 how long a heartbeat is fresh (ms)
-- Returns  'CURRENT' | 'SUPERSEDED'
-- Guards   a run hands over only to one that works: a newest run that dies at once leaves no gap
local newest = redis.call('HMGET', KEYS[1], 'run', 'heartbeatMs')
local run, now = tonumber(ARGV[1]), server_now_ms()
if newest[1] and whole_number(newest[1], 'run') > run then
  -- Either way: after the clock was set back, a heartbeat may lie ahead.
  if math.abs(now - whole_number(newest[2], 'heartbeatMs')) <= tonumber(ARGV[2]) then
    return 'SUPERSEDED'
  end
end
redis.call('HSET', KEYS[1], 'run', run, 'heartbeatMs', now)
return 'CURRENT'
