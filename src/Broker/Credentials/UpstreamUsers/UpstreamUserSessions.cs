using System.Collections.Concurrent;

namespace Broker.Credentials;

/// <summary>
/// Users of upstreams who have logged in: at this process or, where replicas share a Redis, at any. Past the end of what it holds they have
/// to again.
/// </summary>
/// <remarks>
/// Logins are numbered, and the latest that is known says what he may. Who hears of a later one than he holds drops his at once and reads
/// the other; while
/// that cannot be read the user is not known here. A login that did not reach Redis, or that Redis lost, is stored again.
/// </remarks>
internal sealed partial class UpstreamUserSessions(TimeProvider time, int capacity = 100_000)
{
    // Longer than a call to Redis takes.
    private static readonly TimeSpan AskedLives = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, Login> users = new(StringComparer.Ordinal);
    private volatile UpstreamUserRecords? ledger;
    private volatile bool isBehind;
    private long version;

    /// <summary>Counts up with each login: what was worked out before may rest on rights that changed.</summary>
    public long Version => Volatile.Read(ref version);

    /// <summary>Whether something is known here that is not known to be in Redis.</summary>
    public bool IsBehind => isBehind;

    /// <summary>Shares from now on.</summary>
    public void Share(RedisRevocationLog with, ILogger log) => ledger = new(with, time, log);

    /// <summary>There is another ring of keys.</summary>
    public void Adopted() => ledger?.Adopted();

    public UpstreamUser? Find(string name) =>
        users.TryGetValue(name, out var login) && login.User is { } user && user.End > time.GetUtcNow() ? user : null;

    public void Put(UpstreamUser user) => Next(user.Name, user, user.End);

    /// <summary>Puts him in, here and for the other replicas. While Redis is away he is known here alone.</summary>
    public async ValueTask Keep(UpstreamUser user) => await Store(user.Name, Next(user.Name, user, user.End));

    /// <summary>Strikes him out, here and for the other replicas.</summary>
    public async ValueTask Drop(string name)
    {
        if (users.TryGetValue(name, out var login))
        {
            await Store(name, Next(name, null, login.End));
        }
    }

    /// <summary>Looks for who is not known here where all replicas keep them; false when nobody can say.</summary>
    /// <remarks>Asked anew each time: who is told to log in may do so at another replica, and come back before the word of it.</remarks>
    public async ValueTask<bool> Recall(string name)
    {
        var isHere = users.TryGetValue(name, out var login);
        if (ledger is not { } shared || login?.User is not null)
        {
            return true;
        }

        if (!isHere)
        {
            // What is heard of him while Redis is asked finds its place, and is not undone by the answer.
            Put(name, new(null, 0, time.GetUtcNow() + AskedLives, IsStored: true));
        }

        return await Read(shared, name) is { IsSealed: false };
    }

    /// <summary>He logged in at another replica.</summary>
    public void Hear(RevocationEvent fact)
    {
        if (
            fact.Kind == RevocationEventKind.User
            && ledger is { } shared
            && users.TryGetValue(fact.Name, out var login)
            && login.Number < fact.Number
        )
        {
            Put(fact.Name, new(null, fact.Number, login.End, IsStored: true));
            _ = Read(shared, fact.Name);
        }
    }

    /// <summary>A login that is later than any known.</summary>
    private Login Next(string name, UpstreamUser? user, DateTimeOffset end)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        return Change(name, there => new(user, Math.Max(now, (there?.Number ?? 0) + 1), end, IsStored: false));
    }

    private Login Put(string name, Login login) => Change(name, there => there is null || there.Number <= login.Number ? login : there);

    private Login Change(string name, Func<Login?, Login> login)
    {
        if (users.Count >= capacity && !users.ContainsKey(name))
        {
            // Whoever's login ends first makes room: he is asked for it again.
            foreach (var old in users.OrderBy(known => known.Value.End).Take(Math.Max(1, capacity / 10)).ToList())
            {
                users.TryRemove(old);
            }
        }

        UpstreamUser? before = null;
        var put = users.AddOrUpdate(
            name,
            _ => login(null),
            (_, there) =>
            {
                before = there.User;
                return login(there);
            }
        );
        if (!ReferenceEquals(put.User, before))
        {
            Interlocked.Increment(ref version);
        }

        return put;
    }
}
