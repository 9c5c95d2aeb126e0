-- What `whole` must say for the sorted set to hold every member: a set that was deleted, or lost or gained a
-- member behind the publisher's back, has another number of them.
local function mark(owner, board)
    return owner .. ' ' .. redis.call('ZCARD', board)
end

local function is_whole(owner, board, whole)
    return redis.call('GET', whole) == mark(owner, board)
end

-- Adds scores and members with their absolute scores, which only grow: repeats and old news change nothing.
local function add(board, arguments, first)
    if first < #arguments then
        redis.call('ZADD', board, 'GT', unpack(arguments, first))
    end
end
