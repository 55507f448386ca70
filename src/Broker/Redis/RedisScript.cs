using StackExchange.Redis;

namespace Broker.Redis;

/// <summary>One atomic step.</summary>
/// <param name="Name">For metrics.</param>
/// <param name="Text">Lua.</param>
internal sealed record RedisScript(string Name, string Text)
{
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
