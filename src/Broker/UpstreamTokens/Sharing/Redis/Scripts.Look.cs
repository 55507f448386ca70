namespace Broker.UpstreamTokens;

/// <content>What every step begins with, and what it says of a record.</content>
internal static partial class Scripts
{
    /// <summary>Which Redis this is. The second part changes where a primary becomes a replica and a primary again.</summary>
    internal const string Run = """
        local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
          .. string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')

        """;

    private const string Start =
        Run
        + """
            local t = redis.call('TIME')
            local now = t[1] * 1000000 + t[2]
            local function text(n) return string.format('%.0f', n) end
            local function count(v)
              if not v or #v > 32 then return 0 end -- to read a long text as a number takes seconds
              local n = tonumber(v) or 0
              if n ~= n or n < 0 or n >= 9007199254740992 then n = 0 end
              return n
            end
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
