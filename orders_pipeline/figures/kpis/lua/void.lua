-- Invalidates each cached document that includes one of the given days, and starts a new generation.
-- KEYS: 1 generation (string), 2 index of cached keys (sorted set by expiry)
-- ARGV: 1 the new generation, 2 now in seconds since 1970, 3... the changed days, as ISO dates in order
redis.call('SET', KEYS[1], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[2])

-- The first changed day on or after the given one. ISO dates sort as text.
local function first_from(day)
    local low, high = 3, #ARGV + 1
    while low < high do
        local middle = math.floor((low + high) / 2)
        if ARGV[middle] < day then
            low = middle + 1
        else
            high = middle
        end
    end
    return ARGV[low]
end

local removed = 0
for _, key in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    local dates = {}
    for day in string.gmatch(key, '%d%d%d%d%-%d%d%-%d%d') do
        dates[#dates + 1] = day
    end
    local changed = first_from(dates[1])
    if changed and changed <= dates[#dates] then
        redis.call('DEL', key)
        redis.call('ZREM', KEYS[2], key)
        removed = removed + 1
    end
end
return removed
