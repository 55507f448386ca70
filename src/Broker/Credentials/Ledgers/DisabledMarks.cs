using Broker.Redis;
using StackExchange.Redis;

namespace Broker.Credentials.Ledgers;

/// <summary>Which callers a config has or had disabled, kept in Redis over restarts of the brokers until a config enables them again.</summary>
internal sealed class DisabledMarks(RedisLedger ledger)
{
    private const int AtOnce = 500;

    private static readonly RedisScript SetScript = new("disabled-set", """
        for i = 1, #KEYS do redis.call('SET', KEYS[i], '1', 'PX', ARGV[1]) end
        return 1
        """);

    // Answers the places of those that were marked.
    private static readonly RedisScript ClearScript = new("disabled-clear", """
        local marked = {}
        for i = 1, #KEYS do
          if redis.call('DEL', KEYS[i]) == 1 then marked[#marked + 1] = i end
        end
        return marked
        """);

    /// <summary>False when Redis did not answer.</summary>
    public async Task<bool> Set(IEnumerable<string> identities)
    {
        foreach (var some in identities.Chunk(AtOnce))
        {
            if (await ledger.Link.Run(SetScript, Keys(some), [(long)SharedRevocations.LongestLife.TotalMilliseconds]) is null)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Takes the marks of these away, and gives those that had one; null when Redis did not answer.</summary>
    public async Task<IReadOnlyList<string>?> Clear(IEnumerable<string> identities)
    {
        var marked = new List<string>();
        foreach (var some in identities.Chunk(AtOnce))
        {
            if (await ledger.Link.Run(ClearScript, Keys(some), []) is not { } answer)
            {
                return marked.Count == 0 ? null : marked;
            }

            marked.AddRange(((RedisValue[])answer!).Select(place => some[(int)place - 1]));
        }

        return marked;
    }

    private RedisKey[] Keys(string[] identities) => [.. identities.Select(identity => (RedisKey)ledger.Names.Disabled(identity))];
}
