-- Consecutive places in order: score descending, equal scores by member ascending.
-- KEYS: 1 board (sorted set), 2 versions (hash), 3 whole (string)
-- ARGV: 1 owner, 2 first place counted from 0, 3 number of places
-- Returns false if the board is incomplete, else member and score in turn.
if not is_whole(ARGV[1], KEYS[1], KEYS[2], KEYS[3]) then
    return false
end
local first, number = tonumber(ARGV[2]), tonumber(ARGV[3])
local scores = redis.call('ZREVRANGE', KEYS[1], first, first + number - 1, 'WITHSCORES')
local places = {}
local at = first
while at < first + #scores / 2 do
    -- Redis orders equal scores ascending only from the low end, so read this score from there.
    local score = scores[2 * (at - first) + 2]
    local above = redis.call('ZCOUNT', KEYS[1], '(' .. score, '+inf')
    local below = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. score)
    local tied = redis.call('ZCARD', KEYS[1]) - above - below
    local last = math.min(above + tied, first + #scores / 2)
    local members = redis.call('ZRANGE', KEYS[1], below + at - above, below + last - above - 1)
    for _, member in ipairs(members) do
        places[#places + 1] = member
        places[#places + 1] = score
    end
    at = last
end
return places
