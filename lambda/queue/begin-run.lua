#!lua flags=allow-oom
-- begin-run: gives a run of the drain loop its number.
-- KEYS     1 drain_run
-- ARGV     -
-- Returns  the number, higher than any before
-- Guards   of two runs the newer can be told
return redis.call('HINCRBY', KEYS[1], 'lastRun', 1)
