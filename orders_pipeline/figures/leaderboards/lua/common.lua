-- The value of `whole` if board and versions are complete. It contains the number of members of each, which is
-- different if one of them was deleted or changed by another program.
local function mark(owner, board, versions)
    return owner .. ' ' .. redis.call('ZCARD', board) .. ' ' .. redis.call('HLEN', versions)
end

local function is_whole(owner, board, versions, whole)
    return redis.call('GET', whole) == mark(owner, board, versions)
end

-- Selects the scores and members whose member has no version.
local function without_version(versions, arguments, first, last)
    local members = {}
    for at = first + 1, last, 2 do
        members[#members + 1] = arguments[at]
    end
    local known = redis.call('HMGET', versions, unpack(members))
    local kept = {}
    for position, version in ipairs(known) do
        if not version then
            kept[#kept + 1] = arguments[first + 2 * position - 2]
            kept[#kept + 1] = members[position]
        end
    end
    return kept
end

-- Adds members with version 0. Their scores only grow, and every stored version is newer.
local function add_plain(board, versions, arguments, first, last)
    if first > last then
        return
    end
    if redis.call('EXISTS', versions) == 0 then
        redis.call('ZADD', board, 'GT', unpack(arguments, first, last))
        return
    end
    local kept = without_version(versions, arguments, first, last)
    if #kept > 0 then
        redis.call('ZADD', board, 'GT', unpack(kept))
    end
end

-- Adds a member that had a refund. The higher version is the newer one; with the same version, scores only grow.
local function add_changed(board, versions, score, member, version)
    local known = tonumber(redis.call('HGET', versions, member) or 0)
    if tonumber(version) > known then
        redis.call('HSET', versions, member, version)
        redis.call('ZADD', board, score, member)
    elseif tonumber(version) == known then
        redis.call('ZADD', board, 'GT', score, member)
    end
end

-- Adds members with their absolute scores. Repeated and outdated calls change nothing.
-- The arguments from `first` on: the number of members with version 0, score and member of each, then score, member
-- and version of all others.
local function add(board, versions, arguments, first)
    local changed = first + 1 + 2 * arguments[first]
    add_plain(board, versions, arguments, first + 1, changed - 1)
    for at = changed, #arguments, 3 do
        add_changed(board, versions, arguments[at], arguments[at + 1], arguments[at + 2])
    end
end
