using System.Collections.Concurrent;
using Policies;

namespace Broker.Credentials;

/// <summary>A user of an upstream, as the upstream answered his last login. Prints as his name.</summary>
/// <param name="Upstream">Where he logged in.</param>
/// <param name="UserId">His number there.</param>
/// <param name="Permissions">Those of the token that it answered.</param>
/// <param name="RefreshToken">His own way in there; it never leaves the broker.</param>
/// <param name="End">When that ends.</param>
internal sealed record LoggedInUser(string Upstream, long UserId, Permissions Permissions, string RefreshToken, DateTimeOffset End)
{
    /// <summary>The source of such an identity.</summary>
    public const string Source = "user";

    /// <summary>Number 17 of one upstream is not number 17 of another.</summary>
    public string Name { get; } = $"{Upstream}.{UserId}";

    /// <summary>The template value that opens his own account at his upstream, and at no other.</summary>
    public static string TemplateName(string upstream) => $"{Source}-refresh:{upstream}";

    public override string ToString() => $"{Source}:{Name}";
}

/// <summary>Users of upstreams who have logged in at this process; without it, or past the end of what it holds, they have to again.</summary>
internal sealed class UserBook(TimeProvider time, int capacity = 100_000)
{
    private readonly ConcurrentDictionary<string, LoggedInUser> users = new(StringComparer.Ordinal);
    private long version;

    /// <summary>Counts up with each login: what was worked out before may rest on rights that changed.</summary>
    public long Version => Volatile.Read(ref version);

    public LoggedInUser? Find(string name) => users.TryGetValue(name, out var user) && user.End > time.GetUtcNow() ? user : null;

    public void Put(LoggedInUser user)
    {
        if (users.Count >= capacity && !users.ContainsKey(user.Name))
        {
            // Whoever's login ends first makes room: he is asked for it again.
            foreach (var old in users.Values.OrderBy(known => known.End).Take(Math.Max(1, capacity / 10)).ToList())
            {
                users.TryRemove(old.Name, out _);
            }
        }

        users[user.Name] = user;
        Interlocked.Increment(ref version);
    }
}
