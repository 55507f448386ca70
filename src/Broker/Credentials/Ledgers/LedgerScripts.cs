using Broker.Redis;

namespace Broker.Credentials.Ledgers;

/// <summary>The steps of the ledger as Redis runs them: a log in parts of bounded length, read from where a replica stopped.</summary>
/// <remarks>
/// <code>
/// head   r run id  s begin of the epoch  u uses of refresh tokens  f lines of earlier epochs count for nothing
///        n last part's number  p(class) that class's open part  x until when anything stands
///        l the longest life that any config of these brokers gave a token, ms
/// index  numbers of parts            ends  when each ends            part n  entries, each sealed
/// </code>
/// A part holds entries of about the same life, so that it goes when they do. An epoch begins when Redis restarts or fails over (another run id), is
/// emptied (no head), or has lost a part before its time. Times in microseconds of Redis's clock, ends in milliseconds.
/// </remarks>
internal static class LedgerScripts
{
    // KEYS[1] is the head.
    public const string Start = """
        local t = redis.call('TIME')
        local now = t[1] * 1000000 + t[2]
        local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
        local function text(n) return string.format('%.0f', n) end
        local function count(v)
          local n = tonumber(v or '0') or 0
          if n ~= n or n < 0 or n >= 9007199254740992 then n = 0 end
          return n
        end
        local h = redis.call('HMGET', KEYS[1], 'r', 's', 'u', 'f')
        local since, uses, floor = count(h[2]), count(h[3]), count(h[4])
        local function begin()
          since = now
          redis.call('HSET', KEYS[1], 'r', run, 's', text(since), 'u', text(uses), 'f', text(floor))
        end
        if h[1] ~= run or since > now then begin() end -- an epoch that begins later than now: Redis's clock was set back
        if redis.call('PTTL', KEYS[1]) < 43200000 then redis.call('PEXPIRE', KEYS[1], 86400000) end

        -- A use that a replica was told of is not here: what Redis says of refresh tokens is older than what is true.
        local function compare(known)
          if count(known) > uses then
            uses, floor = count(known), now
            begin()
          end
        end

        """;

    // KEYS: head, index, ends. ARGV: part's name, epoch, uses known, highest part known, entries at most, longest life known, then number and count of
    // each part read in part. Answers: epoch, its age, uses, highest part, whether there is more, longest life, and for each part: number, count read, entries.
    public static readonly RedisScript Since = new("ledger-since", Start + """
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
        local left, more, lost, out, highest = tonumber(ARGV[5]), 0, false, {}, 0
        local function take(number, from)
          local key = ARGV[1] .. number
          local total = redis.call('LLEN', key)
          if total > 0 and total < from then lost = true end
          if total == 0 then
            if count(redis.call('ZSCORE', KEYS[3], number)) > now / 1000 + 1000 then lost = true end
            redis.call('ZREM', KEYS[2], number)
            redis.call('ZREM', KEYS[3], number)
            out[#out + 1] = { number, '-1' }
          elseif left > 0 then
            local list = redis.call('LRANGE', key, from, from + left - 1)
            left = left - #list
            local answer = { number, text(from + #list) }
            for i = 1, #list do answer[#answer + 1] = list[i] end
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
          local parts = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. text(highest), '+inf', 'LIMIT', 0, 16)
          if #parts == 0 then visited = -1 break end
          for i = 1, #parts do
            if left > 0 then
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
        return { epoch, text(age), text(uses), text(highest), text(more), text(life), out }
        """);

    // KEYS: head, index, ends. ARGV: part's name, entries a part, channel, message.
    public const string Saying = Start + """
        local x, n = count(redis.call('HGET', KEYS[1], 'x')), count(redis.call('HGET', KEYS[1], 'n'))
        local function say(class, life, entry)
          class, life = 'p' .. class, tonumber(life)
          local open = count(redis.call('HGET', KEYS[1], class))
          local size = 0
          if open > 0 then size = redis.call('LLEN', ARGV[1] .. text(open)) end
          if size == 0 or size >= tonumber(ARGV[2]) then
            local last = count(redis.call('ZREVRANGE', KEYS[2], 0, 0)[1])
            if last > n then n = last end
            n = n + 1
            open = n
            redis.call('HSET', KEYS[1], 'n', text(n), class, text(n))
            redis.call('ZADD', KEYS[2], text(n), text(n))
            for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', text(now / 1000), 'LIMIT', 0, 16)) do
              redis.call('ZREM', KEYS[2], old)
              redis.call('ZREM', KEYS[3], old)
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
    public static readonly RedisScript Add = new("ledger-add", Saying + """
        for i = 5, #ARGV, 3 do say(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
        said()
        return 1
        """);

    // KEYS: head, part. ARGV: place, entry. An entry that nobody wrote is taken out, and whoever knows what stood there says it again.
    public static readonly RedisScript Doubt = new("ledger-doubt", Start + """
        if redis.call('LINDEX', KEYS[2], ARGV[1]) == ARGV[2] then
          redis.call('LSET', KEYS[2], ARGV[1], '')
          begin()
        end
        return 1
        """);
}
