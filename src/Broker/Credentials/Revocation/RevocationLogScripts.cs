using Broker.Redis;

namespace Broker.Credentials;

/// <summary>The steps of the ledger as Redis runs them: a log in parts of bounded length, read from where a replica stopped.</summary>
/// <remarks>
/// <code>
/// head   r run id  s begin of the epoch  u uses of refresh tokens  f lines of earlier epochs count for nothing
///        n last part's number  p(class) that class's open part  x until when anything stands
///        l the longest life that any config of these brokers gave a token, ms
/// index  numbers of parts            ends  when each ends            part n  entries, each sealed
/// </code>
/// A part holds entries of about the same life, so that it goes when they do. An epoch begins when Redis restarts or fails over (another
/// run id), is emptied (no head), or has lost a part before its time. Times in microseconds of Redis's clock, ends in milliseconds. Redis
/// is written to by others too. A head, an index or ends of another type refuse the step, before anything is changed: what they held
/// decides what counts. A part of another type, an entry that is too large and a member of the index that is no number of a part go;
/// whoever knows what was there says it again.
/// </remarks>
internal static class RevocationLogScripts
{
    // KEYS[1] is the head.
    public const string Start =
        RedisScript.Numbers
        + """
            local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
            local spoilt = false
            for _, name in ipairs({ 'r', 's', 'u', 'f', 'n', 'x', 'l' }) do
              if redis.call('HSTRLEN', KEYS[1], name) > 64 then
                redis.call('HDEL', KEYS[1], name)
                spoilt = true
              end
            end
            local h = redis.call('HMGET', KEYS[1], 'r', 's', 'u', 'f')
            for i = 2, 4 do spoilt = spoilt or (h[i] and not tonumber(h[i])) end
            local since, uses, floor = count(h[2]), count(h[3]), count(h[4])
            if uses > 1000000000000000 then uses = 0 end -- so often nothing is used; nor would it be counted on from there
            local function begin()
              since = now
              redis.call('HSET', KEYS[1], 'r', run, 's', text(since), 'u', text(uses), 'f', text(floor))
            end
            if spoilt then floor = now end -- which lines count is not known any more: none of before
            if h[1] ~= run or since > now or spoilt then begin() end -- an epoch that begins later than now: Redis's clock was set back
            if floor > since then floor = since end -- else no line would ever count again
            if redis.call('PTTL', KEYS[1]) < 43200000 then redis.call('PEXPIRE', KEYS[1], 86400000) end

            -- A use that a replica was told of is not here: what Redis says of refresh tokens is older than what is true.
            local function compare(known)
              if count(known) > uses then
                uses, floor = count(known), now
                begin()
              end
            end

            """;

    /// <summary>For a step with these three keys: a key of another type refuses it here, and not at some later time, half done.</summary>
    private const string Kinds = """
        for i, kind in ipairs({ 'hash', 'zset', 'zset' }) do
          local is = redis.call('TYPE', KEYS[i]).ok
          if is ~= 'none' and is ~= kind then return redis.error_reply('WRONGTYPE Operation against a key of another type') end
        end
        local function isForeign(part)
          local is = redis.call('TYPE', part).ok
          return is ~= 'none' and is ~= 'list'
        end

        """;

    // KEYS: head, index, ends. ARGV: part's name, entries a part, channel, message.
    public const string Saying =
        Kinds
        + Start
        + """
            local x, n = count(redis.call('HGET', KEYS[1], 'x')), count(redis.call('HGET', KEYS[1], 'n'))
            local function newest()
              while true do
                local top = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
                if #top == 0 or text(count(top[2])) == top[1] then return count(top[1]) end
                redis.call('ZREM', KEYS[2], top[1])
                begin()
              end
            end
            local function say(class, life, entry)
              class, life = 'p' .. class, tonumber(life)
              local open = count(redis.call('HGET', KEYS[1], class))
              local size = 0
              local isListed = count(redis.call('ZSCORE', KEYS[2], text(open))) == open -- else nobody would find it
              if open > 0 and isListed and not isForeign(ARGV[1] .. text(open)) then size = redis.call('LLEN', ARGV[1] .. text(open)) end
              if size == 0 or size >= tonumber(ARGV[2]) then
                n = math.max(n, newest())
                repeat n = n + 1 until redis.call('EXISTS', ARGV[1] .. text(n)) == 0
                open = n
                redis.call('HSET', KEYS[1], 'n', text(n), class, text(n))
                redis.call('ZADD', KEYS[2], text(n), text(n))
                for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', text(now / 1000), 'LIMIT', 0, 16)) do
                  local left = redis.call('PTTL', ARGV[1] .. old)
                  if left == -2 then
                    redis.call('ZREM', KEYS[2], old)
                    redis.call('ZREM', KEYS[3], old)
                  else -- it is not over, whatever stands here
                    redis.call('ZADD', KEYS[3], text(now / 1000 + math.max(left, 60000)), old)
                  end
                end
              end
              local key = ARGV[1] .. text(open)
              redis.call('RPUSH', key, entry)
              if redis.call('PTTL', key) < life then
                redis.call('PEXPIRE', key, text(life))
                redis.call('ZADD', KEYS[3], text(now / 1000 + life), text(open))
              end
              if now / 1000 + life > x then x = now / 1000 + life end
            end
            local function said()
              redis.call('HSET', KEYS[1], 'x', text(x))
              for i = 1, 3 do
                if redis.call('PTTL', KEYS[i]) < x - now / 1000 then redis.call('PEXPIRE', KEYS[i], text(x - now / 1000)) end
              end
              redis.call('PUBLISH', ARGV[3], ARGV[4])
            end

            """;

    // ARGV, after that: class, life ms and entry of each.
    public static readonly RedisScript Add = new(
        "ledger-add",
        Saying
            + """
            for i = 5, #ARGV, 3 do say(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
            said()
            return 1
            """
    );

    // KEYS: head, part. ARGV: place, entry. An entry that nobody wrote is taken out, and whoever knows what stood there says it again.
    public static readonly RedisScript Doubt = new(
        "ledger-doubt",
        Start
            + """
            if redis.call('LINDEX', KEYS[2], ARGV[1]) == ARGV[2] then
              redis.call('LSET', KEYS[2], ARGV[1], '')
              begin()
            end
            return 1
            """
    );

    // The step that reads what is new. What it answers is bounded, whatever stands there.

    // KEYS: head, index, ends. ARGV: part's name, epoch, uses known, highest part known, entries at most, longest life known, then number
    // and count of each part read in part. Answers: epoch, its age, uses, highest part, whether there is more, longest life, for each part:
    // number, count read, entries; and how much was taken out that is not the brokers' own.
    public static readonly RedisScript Since = new(
        "ledger-since",
        Kinds
            + Start
            + """
            compare(ARGV[3])
            local life = count(redis.call('HGET', KEYS[1], 'l'))
            if count(ARGV[6]) > life then
              life = count(ARGV[6])
              redis.call('HSET', KEYS[1], 'l', text(life))
            end
            if redis.call('PTTL', KEYS[1]) < life / 2 then redis.call('PEXPIRE', KEYS[1], text(life)) end
            if count(redis.call('HGET', KEYS[1], 'x')) > now / 1000 + 1000 and redis.call('EXISTS', KEYS[2]) == 0 then
              redis.call('HDEL', KEYS[1], 'x')
              begin()
            end
            local left, more, lost, out, highest, foreign, size = tonumber(ARGV[5]), 0, false, {}, 0, spoilt and 1 or 0, 0
            local function takeOut(what)
              what()
              foreign, lost = foreign + 1, true
            end
            local function take(number, from)
              local key = ARGV[1] .. number
              if isForeign(key) then takeOut(function() redis.call('DEL', key) end) end
              local total = redis.call('LLEN', key)
              if total > 0 and total < from then lost = true end
              if total == 0 then
                if count(redis.call('ZSCORE', KEYS[3], number)) > now / 1000 + 1000 then lost = true end
                redis.call('ZREM', KEYS[2], number)
                redis.call('ZREM', KEYS[3], number)
                out[#out + 1] = { number, '-1' }
              elseif left > 0 then
                local answer, at = { number, '' }, from
                while at < total and left > 0 do
                  local entry = redis.call('LINDEX', key, at) -- one by one: of large ones a few take as long as a call may
                  size = size + #entry
                  if #entry > 262144 then
                    takeOut(function() redis.call('LSET', key, at, '') end)
                    entry = ''
                  end
                  answer[#answer + 1] = entry
                  at = at + 1
                  left = size > 1048576 and 0 or left - 1
                end
                answer[2] = text(at)
                out[#out + 1] = answer
              end
            end
            if ARGV[2] == run .. '.' .. text(since) then
              highest = count(ARGV[4])
              for i = 7, #ARGV, 2 do take(ARGV[i], tonumber(ARGV[i + 1])) end
            end
            local epoch, visited = run .. '.' .. text(since), 0
            while left > 0 and visited < 64 do
              visited = visited + 16
              local parts = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. text(highest), '+inf', 'WITHSCORES', 'LIMIT', 0, 16)
              if #parts == 0 then visited = -1 break end
              for i = 1, #parts, 2 do
                if text(count(parts[i + 1])) ~= parts[i] then
                  takeOut(function() redis.call('ZREM', KEYS[2], parts[i]) end)
                elseif left > 0 then
                  take(parts[i], 0)
                  highest = count(parts[i])
                end
              end
            end
            if left <= 0 or visited >= 64 then more = 1 end
            local age = now - since
            if lost then
              begin()
              more = 1
            end
            return { epoch, text(age), text(uses), text(highest), text(more), text(life), out, text(foreign) }
            """
    );
}
