-- Adds members to the shadow, if this rebuild still owns it.
-- KEYS: 1 shadow (sorted set), 2 rebuild (string)
-- ARGV: 1 token of this rebuild, 2 lifetime of its keys in seconds, 3... score and member in turn
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
    return 0
end
add(KEYS[1], ARGV, 3)
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1
