using Broker.Redis;

namespace Broker.Credentials;

/// <content>The step that reads what is new. What it answers is bounded, whatever stands there.</content>
internal static partial class RevocationLogScripts
{
    // KEYS: head, index, ends. ARGV: part's name, epoch, uses known, highest part known, entries at most, longest life known, then number
    // and count of
    // each part read in part. Answers: epoch, its age, uses, highest part, whether there is more, longest life, for each part: number,
    // count read, entries;
    // and how much was taken out that is not the brokers' own.
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
