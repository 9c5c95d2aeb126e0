-- Replaces the board with the shadow, if this rebuild still owns it.
-- KEYS: 1 board (sorted set), 2 versions (hash), 3 whole (string), 4 shadow (sorted set), 5 versions of the
-- shadow (hash), 6 rebuild (string)
-- ARGV: 1 owner, 2 token of this rebuild
if redis.call('GET', KEYS[6]) ~= ARGV[2] then
    return 0
end
redis.call('DEL', KEYS[1], KEYS[2])
for shown, shadow in ipairs({KEYS[4], KEYS[5]}) do
    if redis.call('EXISTS', shadow) == 1 then
        redis.call('RENAME', shadow, KEYS[shown])
        redis.call('PERSIST', KEYS[shown])
    end
end
redis.call('SET', KEYS[3], mark(ARGV[1], KEYS[1], KEYS[2]))
redis.call('DEL', KEYS[6])
return 1
