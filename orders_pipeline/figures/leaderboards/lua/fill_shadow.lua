-- Adds members to the shadow, if this rebuild still owns it.
-- KEYS: 1 rebuild (string), 2 shadow (sorted set), 3 versions of the shadow (hash)
-- ARGV: 1 token of this rebuild, 2 lifetime of its keys in seconds, 3... members, as arguments of `add`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
add(KEYS[2], KEYS[3], ARGV, 3)
-- The token expires first, so an expired shadow never replaces the board.
for _, key in ipairs(KEYS) do
    redis.call('EXPIRE', key, ARGV[2])
end
return 1
