-- The value of `whole` if the sorted set is complete. It holds the number of members, which differs if the
-- set was deleted or changed by another program.
local function mark(owner, board)
    return owner .. ' ' .. redis.call('ZCARD', board)
end

local function is_whole(owner, board, whole)
    return redis.call('GET', whole) == mark(owner, board)
end

-- Adds members with their absolute scores. Scores only grow, so repeated and outdated calls change nothing.
local function add(board, arguments, first)
    if first < #arguments then
        redis.call('ZADD', board, 'GT', unpack(arguments, first))
    end
end
