using StackExchange.Redis;

namespace Broker.Redis;

/// <summary>One atomic step.</summary>
/// <param name="Name">For metrics.</param>
/// <param name="Text">Lua.</param>
internal sealed record RedisScript(string Name, string Text)
{
    /// <summary>
    /// What scripts begin with: <c>now</c> is Redis's clock in microseconds, <c>text</c> writes a number, and <c>count</c> reads one that
    /// others may have written (0 for whatever is no count).
    /// </summary>
    public const string Numbers = """
        local t = redis.call('TIME')
        local now = t[1] * 1000000 + t[2]
        local function text(n) return string.format('%.0f', n) end
        local function count(v)
          if not v or #v > 32 then return 0 end -- to read a long text as a number takes seconds
          local n = tonumber(v) or 0
          if n ~= n or n < 0 or n >= 9007199254740992 then n = 0 end
          return n
        end

        """;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Runs it. The client follows a slot once; while that is on its way to another node, what was not run is sent once more.
    /// </summary>
    public async Task<RedisResult> Evaluate(IDatabase database, RedisKey[] keys, RedisValue[] values, TimeSpan within, TimeProvider time)
    {
        for (var from = time.GetTimestamp(); ; )
        {
            try
            {
                return await database.ScriptEvaluateAsync(Text, keys, values);
            }
            catch (RedisServerException fault)
                when (fault.Kind is RedisErrorKind.TryAgain or RedisErrorKind.Moved or RedisErrorKind.Ask
                    && time.GetElapsedTime(from) < within - (Pause * 2)
                )
            {
                await Task.Delay(Pause, time);
            }
        }
    }
}
