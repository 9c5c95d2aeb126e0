-- Caches a computed document, unless the generation changed since its reader noted it.
-- KEYS: 1 generation (string), 2 index of cached keys (sorted set by expiry), 3 the document's key
-- ARGV: 1 generation that the reader noted, 2 document, 3 lifetime in seconds, 4 expiry in seconds since 1970
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[3], ARGV[2], 'EX', ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[4], KEYS[3])
return 1
