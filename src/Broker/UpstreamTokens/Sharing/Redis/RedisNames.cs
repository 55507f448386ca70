using Broker.Redis;
using StackExchange.Redis;

namespace Broker.UpstreamTokens;

/// <summary>Names in Redis. What stands in braces decides the slot: an identity's keys are together, a budget has one of its own.</summary>
/// <param name="prefix">Stands before every name, so that several brokers can share a Redis.</param>
internal sealed class RedisNames(string prefix)
{
    /// <summary>On which changes are told; the message says of what.</summary>
    public string Channel { get; } = RedisSettings.ChannelOf(prefix);

    public RedisKey[] Keys(RecordKey name)
    {
        var (tag, record) = (Tag(name), Record(name));
        return [record + ":pair", record + ":lease", record + ":note", record + ":counter", tag + ":quiet"];
    }

    /// <summary>The pair's own name: it is bound to it.</summary>
    public string Pair(RecordKey name) => Record(name) + ":pair";

    public static string Message(RecordKey name) => Short(name.Owner);

    public RedisKey[] Budget(OpaqueName budget)
    {
        var tag = $"{prefix}:budget:{{{Short(budget)}}}";
        return [tag + ":logins", tag + ":rejections", tag + ":marker"];
    }

    public RedisKey[] Seats { get; } = [prefix + ":seats"];

    private string Tag(RecordKey name) => $"{prefix}:{{{Short(name.Identity)}}}";

    private string Record(RecordKey name) => $"{Tag(name)}:{Short(name.Owner)}";

    /// <summary>Half of the HMAC names well enough.</summary>
    private static string Short(OpaqueName name) => name.Hex[..32];
}
