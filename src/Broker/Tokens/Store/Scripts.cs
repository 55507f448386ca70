using Broker.Redis;

namespace Broker.Tokens.Store;

/// <summary>The steps as Redis runs them. Keys: 1 pair, 2 lease, 3 note, 4 counter, 5 quiet; times in microseconds of Redis's clock.</summary>
/// <remarks>A number from a damaged entry counts as none, so that it can never stand above the right ones for ever.</remarks>
internal static class Scripts
{
    /// <summary>Which Redis this is. The second part changes where a primary becomes a replica and a primary again.</summary>
    internal const string Run = """
        local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') .. string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')

        """;

    private const string Start = Run + """
        local t = redis.call('TIME')
        local now = t[1] * 1000000 + t[2]
        local function text(n) return string.format('%.0f', n) end
        local function count(v)
          local n = tonumber(v or '0') or 0
          if n ~= n or n < 0 or n >= 9007199254740992 then n = 0 end
          return n
        end
        local function mine(attempt)
          local lease = redis.call('GET', KEYS[2])
          return lease and string.sub(lease, 1, #attempt + 1) == attempt .. '|'
        end
        local function tell() redis.call('PUBLISH', ARGV[#ARGV - 1], ARGV[#ARGV]) end

        """;

    private const string Look = """
        local function look(number)
          local p = redis.call('HMGET', KEYS[1], 'g', 'r', 'b')
          local n = redis.call('HMGET', KEYS[3], 'n', 'd', 'a', 'u')
          local q = redis.call('HMGET', KEYS[5], 'u', 'p', 'f', 'r', 'c', 'w', 'k')
          local c = redis.call('HMGET', KEYS[4], 'r', 's')
          local age = '-1'
          if c[1] == run then age = text(now - count(c[2])) end
          local lease = number == 0 and redis.call('PTTL', KEYS[2]) or 0
          return { run, text(now), text(number), text(lease), text(redis.call('PTTL', KEYS[1])), age,
            text(count(p[1])), p[2] or '', p[3] or '',
            n[1] or '', n[2] or '', n[3] or '', text(count(n[4]) - now),
            text(count(q[1]) - now), q[2] or '0', q[3] or '0', q[4] or '', q[5] or '0', q[6] or '', q[7] or '0' }
        end

        """;

    public static readonly RedisScript Read = new("read", Start + Look + "return look(0)");

    // ARGV: attempt, lease ms, counter's life ms
    public static readonly RedisScript Take = new("take", Start + Look + """
        local lease = redis.call('GET', KEYS[2])
        if lease and not mine(ARGV[1]) then return look(0) end
        local number = now
        local c = redis.call('HMGET', KEYS[4], 'n', 'c')
        for _, known in ipairs({ count(c[1]), count(c[2]), count(redis.call('HGET', KEYS[1], 'g')) }) do
          if known >= number then number = known + 1 end
        end
        redis.call('SET', KEYS[2], ARGV[1] .. '|' .. text(number), 'PX', ARGV[2])
        if redis.call('HGET', KEYS[4], 'r') ~= run then redis.call('HSET', KEYS[4], 'r', run, 's', text(now)) end
        redis.call('HSET', KEYS[4], 'n', text(number))
        redis.call('PEXPIRE', KEYS[4], ARGV[3])
        return look(number)
        """);

    // ARGV: attempt, lease ms, digest, deadline us, note's life ms. Answers: whether written, run id, replicas.
    public static readonly RedisScript Note = new("note", Start + """
        if not mine(ARGV[1]) then return { 0, run, 0 } end
        local number = string.match(redis.call('GET', KEYS[2]), '|(%d+)')
        redis.call('PEXPIRE', KEYS[2], ARGV[2])
        redis.call('HSET', KEYS[3], 'n', number, 'd', ARGV[3], 'a', ARGV[1], 'u', text(now + ARGV[4]))
        redis.call('PEXPIRE', KEYS[3], ARGV[5])
        return { 1, run, tonumber(string.match(redis.call('INFO', 'replication'), 'connected_slaves:(%d+)') or '0') }
        """);

    // ARGV: attempt, lease ms
    public static readonly RedisScript Extend = new("extend", Start + """
        if not mine(ARGV[1]) then return 0 end
        redis.call('PEXPIRE', KEYS[2], ARGV[2])
        if redis.call('HGET', KEYS[3], 'a') == ARGV[1] then
          local to = now + ARGV[2] * 1000
          if to > count(redis.call('HGET', KEYS[3], 'u')) then redis.call('HSET', KEYS[3], 'u', text(to)) end
        end
        return 1
        """);

    // ARGV: attempt, number, blob, life ms or 0, counter's life ms, run id of the number or '', channel, message
    public static readonly RedisScript Commit = new("commit", Start + """
        local number = tonumber(ARGV[2])
        local p = redis.call('HMGET', KEYS[1], 'g', 'a', 'r')
        local stored = count(p[1])
        if number < stored or (number == stored and p[2] ~= ARGV[1]) then return 0 end
        -- What stood there and ran out was newer all the same: it may have been taken away in between.
        if number < count(redis.call('HGET', KEYS[4], 'c')) then return 0 end
        -- A number of an earlier epoch does not bar who holds a higher one from republishing it, and late it never stands over this one's: its clock may have been ahead.
        -- Whoever still has the lease is not late: of a Cluster the slot has moved meanwhile.
        local of = ARGV[6] ~= '' and ARGV[6] or run
        if stored > 0 and p[3] == run and of ~= run and not mine(ARGV[1]) then return 0 end
        redis.call('HSET', KEYS[1], 'g', ARGV[2], 'r', of, 'b', ARGV[3], 'a', ARGV[1])
        if ARGV[4] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
        redis.call('HSET', KEYS[4], 'c', ARGV[2])
        if number > count(redis.call('HGET', KEYS[4], 'n')) then redis.call('HSET', KEYS[4], 'n', ARGV[2]) end
        redis.call('PEXPIRE', KEYS[4], ARGV[5])
        if count(redis.call('HGET', KEYS[3], 'n')) <= number then redis.call('DEL', KEYS[3]) end
        redis.call('DEL', KEYS[5])
        tell()
        return 1
        """);

    // Answers: the last failure, and how long ago it was.
    public static readonly RedisScript Failure = new("failure", Start + """
        local c = redis.call('HMGET', KEYS[4], 'f', 't')
        return { c[1] or '', text(now - count(c[2])) }
        """);

    // ARGV: channel, message
    public static readonly RedisScript Tell = new("tell", Start + "tell() return 1");

    // ARGV: attempt, channel, message
    public static readonly RedisScript Release = new("release", Start + """
        if mine(ARGV[1]) then
          redis.call('DEL', KEYS[2])
          tell()
        end
        return 1
        """);

    // ARGV: attempt, fate of the note, its time left us, quiet us or -1, problem, remembered ms, refused or '', refusals' and failure's life ms,
    // failure or '', whose quiet it is or '', whether an unknown refresh
    public static readonly RedisScript Settle = new("settle", Start + """
        if redis.call('HGET', KEYS[3], 'a') == ARGV[1] then
          if ARGV[2] == 'Withdraw' then redis.call('DEL', KEYS[3])
          elseif ARGV[2] == 'Shorten' then redis.call('HSET', KEYS[3], 'u', text(now + ARGV[3])) end
        end
        local q = redis.call('HMGET', KEYS[5], 'u', 'f', 'r', 'c', 'w')
        local life = redis.call('PTTL', KEYS[5])
        local function live(ms) if ms > life then life = ms end end
        if tonumber(ARGV[4]) >= 0 then
          local to = now + ARGV[4]
          local isAnothers = q[5] and q[5] ~= '' and q[5] ~= ARGV[10]
          if to > count(q[1]) or isAnothers then redis.call('HSET', KEYS[5], 'u', text(to), 'p', ARGV[5], 'w', ARGV[10]) end
          redis.call('HSET', KEYS[5], 'f', text(count(q[2]) + 1))
          if ARGV[11] == '1' then redis.call('HINCRBY', KEYS[5], 'k', 1) end
          live(math.ceil(ARGV[4] / 1000) + ARGV[6])
        end
        if ARGV[7] ~= '' then
          local seen = 0
          if q[3] == ARGV[7] then seen = count(q[4]) end
          redis.call('HSET', KEYS[5], 'r', ARGV[7], 'c', text(seen + 1))
          live(tonumber(ARGV[8]))
        end
        if life > 0 then redis.call('PEXPIRE', KEYS[5], text(life)) end
        if ARGV[9] ~= '' then
          redis.call('HSET', KEYS[4], 'f', ARGV[9], 't', text(now))
          redis.call('PEXPIRE', KEYS[4], ARGV[8])
        end
        return 1
        """);

    // ARGV: number or 0, run id, blob, life ms or 0, counter's life ms, note's number or 0, digest, attempt, time left us, note's life ms,
    // generation that does not verify or '', channel, message
    public static readonly RedisScript Republish = new("republish", Start + """
        local number = tonumber(ARGV[1])
        local p = redis.call('HMGET', KEYS[1], 'g', 'r')
        local stored = count(p[1])
        if text(stored) == ARGV[11] then p, stored = {}, 0 end
        local answer = 1
        if number > stored then
          -- Of this epoch: what is there counts; what is not there ran out or was taken away, unless it has no end.
          if (p[1] and p[2] == run) or (ARGV[2] == run and ARGV[4] ~= '0') or number < count(redis.call('HGET', KEYS[4], 'c')) then
            answer = 0
          else
            redis.call('HSET', KEYS[1], 'g', ARGV[1], 'r', ARGV[2], 'b', ARGV[3], 'a', '')
            if ARGV[4] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
            redis.call('HSET', KEYS[4], 'c', ARGV[1])
            if number > count(redis.call('HGET', KEYS[4], 'n')) then redis.call('HSET', KEYS[4], 'n', ARGV[1]) end
            redis.call('PEXPIRE', KEYS[4], ARGV[5])
            stored = number
            tell()
          end
        end
        local note = tonumber(ARGV[6])
        if note > stored and note > count(redis.call('HGET', KEYS[3], 'n')) then
          redis.call('HSET', KEYS[3], 'n', ARGV[6], 'd', ARGV[7], 'a', ARGV[8], 'u', text(now + ARGV[9]))
          redis.call('PEXPIRE', KEYS[3], ARGV[10])
        end
        return answer
        """);
}
