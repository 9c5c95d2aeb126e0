-- A member's place, counted from 0: score descending, equal scores by member ascending.
-- KEYS: 1 board (sorted set), 2 versions (hash), 3 whole (string)
-- ARGV: 1 owner, 2 member
-- Returns false if the board is incomplete, an empty list if it lacks the member, else place and score.
if not is_whole(ARGV[1], KEYS[1], KEYS[2], KEYS[3]) then
    return false
end
local score = redis.call('ZSCORE', KEYS[1], ARGV[2])
if not score then
    return {}
end
local above = redis.call('ZCOUNT', KEYS[1], '(' .. score, '+inf')
local below = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. score)
return {above + redis.call('ZRANK', KEYS[1], ARGV[2]) - below, score}
