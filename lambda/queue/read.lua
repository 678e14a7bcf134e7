#!lua flags=no-writes,allow-oom
-- read: runs plain reads as one, in the place of a MULTI, whose commands Redis refuses when memory is full.
-- KEYS     1 any key of the promotion (it names the slot)
-- ARGV     1.. for each command: the number of its words, then the words
-- Returns  the replies, in order
-- Guards   users learn what became of them also while memory is full
local replies = {}
local at = 1
while at <= #ARGV do
  local words = tonumber(ARGV[at])
  replies[#replies + 1] = redis.call(unpack(ARGV, at + 1, at + words))
  at = at + words + 1
end
return replies
