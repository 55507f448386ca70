using Broker.Redis;

namespace Broker.UpstreamTokens;

/// <summary>
/// The login budget as Redis counts it: a log of the last day, and a marker without end that counts every permit ever taken.
/// </summary>
/// <remarks>
/// Logins that were made while Redis was away are entered when it is back, with the age they have then. Where a key is not the brokers' own
/// (of another
/// type, later than now, no number) it is not known how many there were: it goes, and the budget counts as spent for one Per.
/// </remarks>
internal static class BudgetScript
{
    // KEYS: log, rejections' log, marker (without end). ARGV: attempt, rejection, known, run id it is known from, reminder, log's life us,
    // how many logins were made alone, attempt, age (us) and rejection of each of these, then permit and per (us) of each window. Answers:
    // whether taken, wait us, count, run id, and of each key whether what stood there was not the brokers' own.
    public static readonly RedisScript Permit = new(
        "permit",
        SharedTokenScripts.Run
            + RedisScript.Numbers
            + """
            local foreign = {}
            for i, kind in ipairs({ 'zset', 'zset', 'hash' }) do
              local is = redis.call('TYPE', KEYS[i]).ok
              foreign[i] = is ~= 'none' and is ~= kind
              if foreign[i] then redis.call('DEL', KEYS[i]) end
            end
            for i = 1, 2 do
              if redis.call('ZREMRANGEBYSCORE', KEYS[i], '(' .. text(now + 3600000000), '+inf') > 0 then foreign[i] = true end
            end
            local m = redis.call('HMGET', KEYS[3], 'n', 's', 'r', 'b')
            local function count(v, most)
              local n = #(v or '0') <= 32 and tonumber(v or '0')
              if not n or n ~= n or n < 0 or n > most then
                foreign[3] = true
                return 0
              end
              return n
            end
            local given = m[1] and count(m[1], 1000000000000000) or -1
            local since = count(m[2], now + 3600000000)
            local known = tonumber(ARGV[3])
            -- What was remembered when this epoch began: permits given since do not hide that others were forgotten.
            local base = m[3] == run and count(m[4], 1000000000000000) or math.max(given, 0)
            local others = ''
            for i = 1, 3 do others = others .. (foreign[i] and '1' or '0') end
            if others ~= '000' then since = now end
            local isOld = ARGV[4] ~= '' and ARGV[4] ~= run
            if known > 0 and known > (isOld and base or given) then since = now end
            if isOld and known > base then base = known end
            if given < known then given = known end
            redis.call('HSET', KEYS[3], 'n', text(given), 's', text(since), 'r', run, 'b', text(base))
            local function enter(attempt, at, isRejection)
              if redis.call('ZADD', KEYS[1], 'NX', text(at), attempt) == 0 then return end
              redis.call('PEXPIRE', KEYS[1], text(ARGV[6] / 1000))
              if isRejection == '1' then
                redis.call('ZADD', KEYS[2], text(at), attempt)
                redis.call('PEXPIRE', KEYS[2], text(ARGV[6] / 1000))
              end
              given = given + 1
              redis.call('HSET', KEYS[3], 'n', text(given), 's', text(since))
            end
            local first = 8 + 3 * ARGV[7]
            for i = 8, first - 1, 3 do enter(ARGV[i], now - ARGV[i + 1], ARGV[i + 2]) end
            if ARGV[5] == '1' then return { 1, '0', text(given), run, others } end
            if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return { 1, '0', text(given), run, others } end
            redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - ARGV[6]))
            redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now - ARGV[6]))
            local wait = 0
            local function await(us) if us > wait then wait = us end end
            local function room(key, permit, per)
              if permit < 1 then await(per) return end
              local at = redis.call('ZREVRANGE', key, permit - 1, permit - 1, 'WITHSCORES')
              if at[2] and now - at[2] < per then await(per - (now - at[2])) end
            end
            for i = first, #ARGV, 2 do
              local permit, per = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
              if since > 0 and now - since < per then await(per - (now - since)) end
              room(KEYS[1], permit, per)
              if ARGV[2] == '1' then room(KEYS[2], math.floor(permit / 2), per) end
            end
            if wait > 0 then return { 0, text(wait), text(given), run, others } end
            enter(ARGV[1], now, ARGV[2])
            return { 1, '0', text(given), run, others }
            """
    );

    // Changes nothing. KEYS as above. ARGV: permit and per (us) of each window. Answers: permits left and how long until there is one (us),
    // of each window.
    public static readonly RedisScript Left = new(
        "budget",
        RedisScript.Numbers
            + """
            local isWhole = true
            for i, kind in ipairs({ 'zset', 'zset', 'hash' }) do
              local is = redis.call('TYPE', KEYS[i]).ok
              isWhole = isWhole and (is == 'none' or is == kind)
            end
            local since = isWhole and tonumber(redis.call('HGET', KEYS[3], 's') or '0') or 0
            local answer = {}
            for i = 1, #ARGV, 2 do
              local permit, per = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
              local left = not isWhole and 0 or permit - redis.call('ZCOUNT', KEYS[1], '(' .. text(now - per), '+inf')
              local wait = 0
              if left < 1 then
                local at = isWhole and redis.call('ZREVRANGE', KEYS[1], permit - 1, permit - 1, 'WITHSCORES') or {}
                left, wait = 0, at[2] and per - (now - at[2]) or per
              end
              if since > 0 and now - since < per then left, wait = 0, math.max(wait, per - (now - since)) end
              answer[#answer + 1] = text(left)
              answer[#answer + 1] = text(wait)
            end
            return answer
            """
    );
}
