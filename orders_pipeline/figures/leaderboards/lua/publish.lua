-- Sets members to their absolute scores, on a complete board and on the shadow of a running rebuild.
-- KEYS: 1 board (sorted set), 2 versions (hash), 3 whole (string), 4 shadow (sorted set), 5 versions of the
-- shadow (hash), 6 rebuild (string)
-- ARGV: 1 owner, 2... members, as arguments of `add`
-- Returns 1 if the board is complete or being rebuilt, 0 if the caller must rebuild it.
local rebuilding = redis.call('EXISTS', KEYS[6]) == 1
local whole = is_whole(ARGV[1], KEYS[1], KEYS[2], KEYS[3])
if rebuilding then
    add(KEYS[4], KEYS[5], ARGV, 2)
end
if whole then
    add(KEYS[1], KEYS[2], ARGV, 2)
    redis.call('SET', KEYS[3], mark(ARGV[1], KEYS[1], KEYS[2]))
end
return (rebuilding or whole) and 1 or 0
