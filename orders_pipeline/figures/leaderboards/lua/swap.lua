-- Replaces the board by the shadow, if this rebuild still owns it.
-- KEYS: 1 board (sorted set), 2 whole (string), 3 shadow (sorted set), 4 rebuild (string)
-- ARGV: 1 owner, 2 token of this rebuild
if redis.call('GET', KEYS[4]) ~= ARGV[2] then
    return 0
end
redis.call('DEL', KEYS[1])
if redis.call('EXISTS', KEYS[3]) == 1 then
    redis.call('RENAME', KEYS[3], KEYS[1])
    redis.call('PERSIST', KEYS[1])
end
redis.call('SET', KEYS[2], mark(ARGV[1], KEYS[1]))
redis.call('DEL', KEYS[4])
return 1
