using Broker.Redis;

namespace Broker.UpstreamTokens;

/// <summary>
/// The steps as Redis runs them. Keys: 1 pair, 2 lease, 3 note, 4 counter, 5 quiet; times in microseconds of Redis's clock.
/// </summary>
/// <remarks>
/// A number from a damaged entry counts as none, so that it can never stand above the right ones for ever. What is not the brokers' own (of
/// another type, a lease or a deadline longer than any config allows) counts as absent: steps that write a key take it away first.
/// </remarks>
internal static class SharedTokenScripts
{
    public static readonly RedisScript Read = new("read", Start + Look + "return look(0)");

    // ARGV: attempt, lease ms, counter's life ms
    public static readonly RedisScript Take = new(
        "take",
        Start
            + Look
            + """
            if lease and not foreign[2] and not mine(ARGV[1]) then return look(0) end
            local number = now
            local c = fields(4, 'n', 'c', 'r', 's')
            own(1, 3, 4, 5)
            for _, known in ipairs({ count(c[1]), count(c[2]), count(field(1, 'g')) }) do
              if known >= number then number = known + 1 end
            end
            redis.call('SET', KEYS[2], ARGV[1] .. '|' .. text(number), 'PX', ARGV[2])
            if c[3] ~= run or count(c[4]) > now then redis.call('HSET', KEYS[4], 'r', run, 's', text(now)) end
            redis.call('HSET', KEYS[4], 'n', text(number))
            redis.call('PEXPIRE', KEYS[4], ARGV[3])
            return look(number)
            """
    );

    // ARGV: attempt, lease ms, digest, deadline us, note's life ms. Answers: whether written, run id, replicas.
    public static readonly RedisScript Note = new(
        "note",
        Start
            + """
            if not mine(ARGV[1]) then return { 0, run, 0 } end
            local number = string.match(lease, '|(%d+)')
            redis.call('PEXPIRE', KEYS[2], ARGV[2])
            own(3)
            redis.call('HSET', KEYS[3], 'n', number, 'd', ARGV[3], 'a', ARGV[1], 'u', text(now + ARGV[4]))
            redis.call('PEXPIRE', KEYS[3], ARGV[5])
            return { 1, run, tonumber(string.match(redis.call('INFO', 'replication'), 'connected_slaves:(%d+)') or '0') }
            """
    );

    // ARGV: attempt, lease ms
    public static readonly RedisScript Extend = new(
        "extend",
        Start
            + """
            if not mine(ARGV[1]) then return 0 end
            redis.call('PEXPIRE', KEYS[2], ARGV[2])
            if field(3, 'a') == ARGV[1] then
              local to = now + ARGV[2] * 1000
              if to > count(field(3, 'u')) then redis.call('HSET', KEYS[3], 'u', text(to)) end
            end
            return 1
            """
    );

    // ARGV: attempt, number, blob, life ms or 0, counter's life ms, run id of the number or '', channel, message
    public static readonly RedisScript Commit = new(
        "commit",
        Start
            + """
            local number = tonumber(ARGV[2])
            local p = fields(1, 'g', 'a', 'r')
            local stored = count(p[1])
            if number < stored or (number == stored and p[2] ~= ARGV[1]) then return 0 end
            -- What stood there and ran out was newer all the same: it may have been taken away in between.
            if number < count(field(4, 'c')) then return 0 end
            -- A number of an earlier epoch does not bar who holds a higher one from republishing it, and late it never stands over this one's: its clock may have been ahead.
            -- Whoever still has the lease is not late: of a Cluster the slot has moved meanwhile.
            local of = ARGV[6] ~= '' and ARGV[6] or run
            if stored > 0 and p[3] == run and of ~= run and not mine(ARGV[1]) then return 0 end
            own(1, 3, 4)
            redis.call('HSET', KEYS[1], 'g', ARGV[2], 'r', of, 'b', ARGV[3], 'a', ARGV[1])
            if ARGV[4] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
            redis.call('HSET', KEYS[4], 'c', ARGV[2])
            if number > count(field(4, 'n')) then redis.call('HSET', KEYS[4], 'n', ARGV[2]) end
            redis.call('PEXPIRE', KEYS[4], ARGV[5])
            if count(field(3, 'n')) <= number then redis.call('DEL', KEYS[3]) end
            redis.call('DEL', KEYS[5])
            tell()
            return 1
            """
    );

    // Answers: the last failure, and how long ago it was.
    public static readonly RedisScript Failure = new(
        "failure",
        Start
            + """
            local c = fields(4, 'f', 't')
            return { c[1] or '', text(now - count(c[2])) }
            """
    );

    // ARGV: channel, message
    public static readonly RedisScript Tell = new("tell", Start + "tell() return 1");

    // ARGV: attempt, channel, message
    public static readonly RedisScript Release = new(
        "release",
        Start
            + """
            if mine(ARGV[1]) then
              redis.call('DEL', KEYS[2])
              tell()
            end
            return 1
            """
    );

    // ARGV: attempt, fate of the note, its time left us, quiet us or -1, problem, remembered ms, refused or '', refusals' and failure's
    // life ms, failure or '', whose quiet it is or '', whether an unknown refresh
    public static readonly RedisScript Settle = new(
        "settle",
        Start
            + """
            own(4, 5)
            if field(3, 'a') == ARGV[1] then
              if ARGV[2] == 'Withdraw' then redis.call('DEL', KEYS[3])
              elseif ARGV[2] == 'Shorten' then redis.call('HSET', KEYS[3], 'u', text(now + ARGV[3])) end
            end
            local q = foreign[5] and {} or fields(5, 'u', 'f', 'r', 'c', 'w', 'k')
            local life = redis.call('PTTL', KEYS[5])
            local function live(ms) if ms > life then life = ms end end
            if tonumber(ARGV[4]) >= 0 then
              local to = now + ARGV[4]
              local isAnothers = q[5] and q[5] ~= '' and q[5] ~= ARGV[10]
              if to > count(q[1]) or isAnothers then redis.call('HSET', KEYS[5], 'u', text(to), 'p', ARGV[5], 'w', ARGV[10]) end
              redis.call('HSET', KEYS[5], 'f', text(count(q[2]) + 1))
              if ARGV[11] == '1' then redis.call('HSET', KEYS[5], 'k', text(count(q[6]) + 1)) end
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
            """
    );

    // ARGV: number or 0, run id, blob, life ms or 0, counter's life ms, note's number or 0, digest, attempt, time left us, note's life ms,
    // generation that does not verify or '', channel, message
    public static readonly RedisScript Republish = new(
        "republish",
        Start
            + """
            local number = tonumber(ARGV[1])
            local p = fields(1, 'g', 'r')
            own(1, 3, 4)
            local stored = count(p[1])
            if text(stored) == ARGV[11] then p, stored = {}, 0 end
            local answer = 1
            if number > stored then
              -- Of this epoch: what is there counts; what is not there ran out or was taken away, unless it has no end.
              if (p[1] and p[2] == run) or (ARGV[2] == run and ARGV[4] ~= '0') or number < count(field(4, 'c')) then
                answer = 0
              else
                redis.call('HSET', KEYS[1], 'g', ARGV[1], 'r', ARGV[2], 'b', ARGV[3], 'a', '')
                if ARGV[4] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
                redis.call('HSET', KEYS[4], 'c', ARGV[1])
                if number > count(field(4, 'n')) then redis.call('HSET', KEYS[4], 'n', ARGV[1]) end
                redis.call('PEXPIRE', KEYS[4], ARGV[5])
                stored = number
                tell()
              end
            end
            local note = tonumber(ARGV[6])
            if note > stored and note > count(field(3, 'n')) then
              redis.call('HSET', KEYS[3], 'n', ARGV[6], 'd', ARGV[7], 'a', ARGV[8], 'u', text(now + ARGV[9]))
              redis.call('PEXPIRE', KEYS[3], ARGV[10])
            end
            return answer
            """
    );

    // What every step begins with, and what it says of a record.

    /// <summary>Which Redis this is. The second part changes where a primary becomes a replica and a primary again.</summary>
    internal const string Run = """
        local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
          .. string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')

        """;

    private const string Start =
        Run
        + RedisScript.Numbers
        + """
            local foreign = {}
            for i, kind in ipairs({ 'hash', 'string', 'hash', 'hash', 'hash' }) do
              local is = redis.call('TYPE', KEYS[i]).ok
              foreign[i] = is ~= 'none' and is ~= kind
            end
            foreign[1] = foreign[1] or redis.call('HSTRLEN', KEYS[1], 'b') > 1048576 -- twice as much as a token endpoint may answer, and more
            local function fields(i, ...)
              if foreign[i] then return {} end
              local values = redis.call('HMGET', KEYS[i], ...)
              for at, value in ipairs(values) do
                if value and #value > 1048576 then values[at], foreign[i] = false, true end
              end
              return values
            end
            local function field(i, name) return fields(i, name)[1] end
            local lease = not foreign[2] and redis.call('GET', KEYS[2])
            if lease then
              local left = redis.call('PTTL', KEYS[2])
              foreign[2] = left < 0 or left > 600000 or #lease > 64 or not string.match(lease, '^%x+|%d+$')
            end
            local function wrong(i, name, most)
              local value = field(i, name)
              foreign[i] = foreign[i] or (value and (#value > 32 or not tonumber(value) or count(value) > most))
            end
            wrong(3, 'u', now + 7200000000)
            wrong(3, 'n', 9007199254740991)
            wrong(4, 'n', 9007199254740991)
            wrong(4, 'c', 9007199254740991)
            wrong(5, 'u', now + 90000000000)
            local function mine(attempt) return lease and not foreign[2] and string.sub(lease, 1, #attempt + 1) == attempt .. '|' end
            local function own(...)
              for _, i in ipairs({ ... }) do
                if foreign[i] then redis.call('DEL', KEYS[i]) end
              end
            end
            local function tell() redis.call('PUBLISH', ARGV[#ARGV - 1], ARGV[#ARGV]) end

            """;

    private const string Look = """
        local function look(number)
          local p, n, q, c = fields(1, 'g', 'r', 'b'), fields(3, 'n', 'd', 'a', 'u'), fields(5, 'u', 'p', 'f', 'r', 'c', 'w', 'k'), fields(4, 'r', 's')
          local age = '-1'
          if c[1] == run then age = text(now - count(c[2])) end
          local left = number == 0 and not foreign[2] and redis.call('PTTL', KEYS[2]) or 0
          local others = ''
          for i = 1, 5 do others = others .. (foreign[i] and '1' or '0') end
          return { run, text(now), text(number), text(left), text(foreign[1] and -2 or redis.call('PTTL', KEYS[1])), age,
            text(count(p[1])), p[2] or '', p[3] or '',
            n[1] or '', n[2] or '', n[3] or '', text(count(n[4]) - now),
            text(count(q[1]) - now), q[2] or '0', q[3] or '0', q[4] or '', q[5] or '0', q[6] or '', q[7] or '0', others }
        end

        """;
}
