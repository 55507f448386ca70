using System.Collections.Concurrent;
using StackExchange.Redis;

namespace Broker.Credentials;

/// <summary>
/// Users of upstreams who have logged in: at this process or, where replicas share a Redis, at any. Past the end of what it holds they have
/// to again.
/// </summary>
/// <remarks>
/// Logins are numbered, and the latest one that is known says what the user may do. A replica that hears of a later login drops its own at
/// once and reads the other; while that cannot be read, the user is not known here. A login that did not reach Redis, or that Redis lost,
/// is stored again.
/// </remarks>
internal sealed class UpstreamUserSessions(TimeProvider time, int capacity = 100_000)
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

    /// <summary>Stores the user, here and for the other replicas. While Redis is away the user is known here alone.</summary>
    public async ValueTask Keep(UpstreamUser user) => await Store(user.Name, Next(user.Name, user, user.End));

    /// <summary>Removes the user, here and for the other replicas.</summary>
    public async ValueTask Drop(string name)
    {
        if (users.TryGetValue(name, out var login))
        {
            await Store(name, Next(name, null, login.End));
        }
    }

    /// <summary>Looks for a user who is not known here in the records of all replicas; false when those cannot be read.</summary>
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
            // What is heard of the user while Redis is asked finds its place, and is not undone by the answer.
            Put(name, new(null, 0, time.GetUtcNow() + AskedLives, IsStored: true));
        }

        return await Read(shared, name) is { IsSealed: false };
    }

    /// <summary>The user logged in at another replica.</summary>
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
            // The user whose login ends first makes room, and has to log in again.
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

    // What the book has to do with Redis: it takes what is later there, and stores there what is later here.

    /// <summary>
    /// Takes what is later in Redis, and stores there what is later here, now or when Redis takes it; false when it could not be read.
    /// </summary>
    public async Task<bool> Agree()
    {
        isBehind = false;
        foreach (var some in users.Where(pair => pair.Value.End > time.GetUtcNow()).Chunk(UpstreamUserRecords.AskedAtOnce))
        {
            if (
                ledger is not { } shared
                || await shared.Numbers([.. some.Select(pair => pair.Key)]) is not { } numbers
                || !await Agree(shared, some, numbers)
            )
            {
                isBehind = true;
                return false;
            }
        }

        return true;
    }

    private async Task<bool> Agree(UpstreamUserRecords shared, KeyValuePair<string, Login>[] some, long[] numbers)
    {
        // Nothing stands there, or what is no login of ours: both give way. Whatever else is not the same is read first, whoever wrote it.
        var late = new List<(string Name, Login Login, RedisValue Replaces)>();
        var others = new List<(string Name, Login Login)>();
        for (var i = 0; i < some.Length; i++)
        {
            var (name, login) = (some[i].Key, Said(some[i].Value));
            if (numbers[i] == 0 && login.Number > 0)
            {
                late.Add((name, login, RedisValue.EmptyString));
            }
            else if (!login.IsStored || (numbers[i] != login.Number && numbers[i] != some[i].Value.Number))
            {
                others.Add((name, login));
            }
        }

        foreach (var few in others.Chunk(UpstreamUserRecords.AtOnce))
        {
            var read = await Task.WhenAll(few.Select(other => Read(shared, other.Name)));
            for (var i = 0; i < few.Length; i++)
            {
                if (read[i] is not { } there)
                {
                    return false;
                }

                if (there.Number < few[i].Login.Number)
                {
                    late.Add((few[i].Name, few[i].Login, Replaced(there)));
                }
            }
        }

        foreach (var few in late.Chunk(UpstreamUserRecords.AtOnce))
        {
            var stored = await shared.Store(few);
            for (var i = 0; i < few.Length; i++)
            {
                var (name, login, _) = few[i];
                if (stored?[i] != true)
                {
                    isBehind = true; // not known, or it gave way to a later one: that is read the next time
                }
                else if (!login.IsStored)
                {
                    users.TryUpdate(name, login with { IsStored = true }, login);
                }
            }
        }

        return true;
    }

    /// <summary>
    /// What is stored where it is missing. Of a login that was only heard of, that those before it are over: who has it stores it above.
    /// </summary>
    private static Login Said(Login login) =>
        login is { User: null, IsStored: true, Number: > 0 } ? login with { Number = login.Number - 1 } : login;

    /// <summary>
    /// Stores a login that was made here just now: later than whatever stands there, though another's clock may say otherwise.
    /// </summary>
    private async Task Store(string name, Login login)
    {
        if (ledger is not { } shared)
        {
            return;
        }

        var replaces = RedisValue.EmptyString;
        for (var tries = 0; tries < 3; tries++)
        {
            if (await shared.Store([(name, login, replaces)]) is not { } done)
            {
                break;
            }

            if (done[0])
            {
                users.TryUpdate(name, login with { IsStored = true }, login);
                return;
            }

            if (await shared.Read(name) is not { } there)
            {
                break;
            }

            replaces = Replaced(there);
            if (there.Number >= login.Number)
            {
                var higher = login with { Number = there.Number + 1 };
                if (!ReferenceEquals(Put(name, higher), higher))
                {
                    return; // a later one was heard of meanwhile
                }

                login = higher;
            }
        }

        isBehind = true; // it is stored when the log is read the next time, unless a later one stands there by then
    }

    /// <summary>Takes what stands there, unless a later one is known; null when Redis did not answer.</summary>
    private async Task<StoredLogin?> Read(UpstreamUserRecords shared, string name)
    {
        var read = await shared.Read(name);
        if (read is { Number: > 0, User: { } user } there)
        {
            Put(name, new(user, there.Number, user.End, IsStored: true));
        }
        else if (
            read is { Number: > 0 } said
            && users.TryGetValue(name, out var login)
            && (login.Number < said.Number || (login.Number == said.Number && !said.IsSealed))
        )
        {
            Put(name, new(null, said.Number, login.End, IsStored: true));
        }

        return read;
    }

    private static RedisValue Replaced(StoredLogin there) => there.Number == 0 ? there.Text : RedisValue.EmptyString;
}
