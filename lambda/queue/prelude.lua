-- Prelude: of these definitions each script gets those that it names, between its first line and its body, since a function is
-- made anew in each call. An empty line ends a definition; none uses another.

-- Fields of the promotion hash that are its own: they begin with '#', which no user id can. All others are users with their tickets.
local PROMOTION_FIELDS = 5

-- Server time in ms, and how much of the present ms (us) is over. The only source of time in any script; a simulation replaces this
-- one function.
local function server_now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000), t[2] % 1000
end

-- A stored number, or an error before anything is written. tonumber alone would take '1e3' and '0x10'; 2^53 has 16 digits.
-- (The other way it is simple: redis.call writes a number with all of its digits. Only Lua's own .. and tostring keep but 14.)
local function whole_number(text, name)
  if text == '0' or (text and #text <= 15 and string.find(text, '^[1-9]%d*$')) then
    return tonumber(text)
  end
  error({err = 'ERR coupon-queue: ' .. name .. ' is not a whole number'})
end
