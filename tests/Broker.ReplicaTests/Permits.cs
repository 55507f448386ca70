using System.Globalization;
using Broker.Tests.Redis;
using Shouldly;

namespace Broker.ReplicaTests;

/// <summary>
/// The logins that were permitted, as Redis wrote them down by its clock, which is this machine's: its own permits, and what was logged in
/// without it.
/// </summary>
internal static class Permits
{
    /// <summary>When each was given, in order.</summary>
    /// <param name="servers">Those that counted, one after the other.</param>
    /// <param name="key">The budget's key; whatever budget there is when missing.</param>
    public static async Task<List<DateTimeOffset>> Of(IEnumerable<RedisServer> servers, string key = "*:logins")
    {
        Dictionary<string, DateTimeOffset> permits = [];
        foreach (var server in servers)
        {
            foreach (var budget in await Budgets(server, key))
            {
                foreach (var permit in (await server.Ask("ZRANGE", budget, "0", "-1", "WITHSCORES")).Split('\n').Chunk(2))
                {
                    // What was told to both is one login.
                    permits.TryAdd(
                        permit[0],
                        DateTimeOffset.UnixEpoch.AddMicroseconds(double.Parse(permit[1], CultureInfo.InvariantCulture))
                    );
                }
            }
        }
        return [.. permits.Values.Order()];
    }

    public static async Task<string[]> Budgets(RedisServer server, string pattern = "*:logins") =>
        (await server.Ask("KEYS", pattern)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>
    /// The budget as it is promised, whatever the machine's speed: so many permits in any window, and no login without one.
    /// </summary>
    public static void ShouldKeep(this List<DateTimeOffset> permits, int permit, TimeSpan per, IReadOnlyList<DateTimeOffset> logins)
    {
        for (var i = permit; i < permits.Count; i++)
        {
            (permits[i] - permits[i - permit]).ShouldBeGreaterThanOrEqualTo(per, string.Join(' ', permits.Select(at => $"{at:ss.ffffff}")));
        }
        logins.Count.ShouldBeLessThanOrEqualTo(permits.Count);
    }
}
