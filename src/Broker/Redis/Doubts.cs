using System.Collections.Concurrent;

namespace Broker.Redis;

/// <summary>Keys at which something stands that is not the brokers' own. Each is told once, and once more when that is over.</summary>
internal sealed class Doubts(ILogger log)
{
    private const int Most = 1000;

    private readonly ConcurrentDictionary<string, bool> told = new(StringComparer.Ordinal);

    /// <summary>It is so at this key. What is there counts as absent.</summary>
    public void Found(string key)
    {
        if (IsNew(key))
        {
            RedisLog.Foreign(log, key);
        }
    }

    /// <summary>Whether this was not told of the key. Of more keys than are remembered here nothing is told.</summary>
    public bool IsNew(string key) => told.Count < Most && told.TryAdd(key, true);

    /// <summary>It is not so at this key.</summary>
    public void Over(string key)
    {
        if (!told.IsEmpty && told.TryRemove(key, out _))
        {
            RedisLog.Own(log, key);
        }
    }
}
