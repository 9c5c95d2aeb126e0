-- Raises members to their absolute scores, on a complete board and on the shadow of a running rebuild.
-- KEYS: 1 board (sorted set), 2 whole (string), 3 shadow (sorted set), 4 rebuild (string)
-- ARGV: 1 owner, 2... score and member in turn
-- Returns 1 if the board is complete or being rebuilt, 0 if the caller must rebuild it.
local rebuilding = redis.call('EXISTS', KEYS[4]) == 1
local whole = is_whole(ARGV[1], KEYS[1], KEYS[2])
if rebuilding then
    add(KEYS[3], ARGV, 2)
end
if whole then
    add(KEYS[1], ARGV, 2)
    redis.call('SET', KEYS[2], mark(ARGV[1], KEYS[1]))
end
return (rebuilding or whole) and 1 or 0
