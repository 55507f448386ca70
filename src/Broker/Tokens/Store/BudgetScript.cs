using Broker.Redis;

namespace Broker.Tokens.Store;

/// <summary>The login budget as Redis counts it: a log of the last day, and a marker without end that counts every permit ever taken.</summary>
internal static class BudgetScript
{
    // KEYS: log, rejections' log, marker (without end).
    // ARGV: attempt, rejection, known, reminder, logged in alone, log's life us, then permit and per (us) of each window.
    // Answers: whether taken, wait us, count.
    public static readonly RedisScript Permit = new("permit", """
        local t = redis.call('TIME')
        local now = t[1] * 1000000 + t[2]
        local function text(n) return string.format('%.0f', n) end
        local m = redis.call('HMGET', KEYS[3], 'n', 's')
        local given = tonumber(m[1] or '-1')
        local since = tonumber(m[2] or '0')
        local known = tonumber(ARGV[3])
        if given < known or ARGV[5] == '1' then
          if known > 0 or ARGV[5] == '1' then since = now end
          if given < known then given = known end
          redis.call('HSET', KEYS[3], 'n', text(given), 's', text(since))
        end
        if ARGV[4] == '1' then return { 1, '0', text(given) } end
        if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return { 1, '0', text(given) } end
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - ARGV[6]))
        redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now - ARGV[6]))
        local wait = 0
        local function await(us) if us > wait then wait = us end end
        local function room(key, permit, per)
          if permit < 1 then await(per) return end
          local at = redis.call('ZREVRANGE', key, permit - 1, permit - 1, 'WITHSCORES')
          if at[2] and now - at[2] < per then await(per - (now - at[2])) end
        end
        for i = 7, #ARGV, 2 do
          local permit, per = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
          if since > 0 and now - since < per then await(per - (now - since)) end
          room(KEYS[1], permit, per)
          if ARGV[2] == '1' then room(KEYS[2], math.floor(permit / 2), per) end
        end
        if wait > 0 then return { 0, text(wait), text(given) } end
        redis.call('ZADD', KEYS[1], text(now), ARGV[1])
        redis.call('PEXPIRE', KEYS[1], text(ARGV[6] / 1000))
        if ARGV[2] == '1' then
          redis.call('ZADD', KEYS[2], text(now), ARGV[1])
          redis.call('PEXPIRE', KEYS[2], text(ARGV[6] / 1000))
        end
        redis.call('HSET', KEYS[3], 'n', text(given + 1), 's', text(since))
        return { 1, '0', text(given + 1) }
        """);
}
