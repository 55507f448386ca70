using System.Collections.Concurrent;
using Broker.Credentials.Ledgers;
using StackExchange.Redis;

namespace Broker.Credentials;

/// <summary>Users of upstreams who have logged in: at this process or, where replicas share a Redis, at any. Past the end of what it holds they have to again.</summary>
/// <remarks>
/// Logins are numbered, and the latest that is known says what he may. Who hears of a later one than he holds drops his at once and reads the other; while
/// that cannot be read the user is not known here. A login that did not reach Redis, or that Redis lost, is stored again.
/// </remarks>
internal sealed class UserBook(TimeProvider time, int capacity = 100_000)
{
    private readonly ConcurrentDictionary<string, Login> users = new(StringComparer.Ordinal);
    private volatile UserLedger? ledger;
    private volatile bool isBehind;
    private long version;

    /// <summary>Counts up with each login: what was worked out before may rest on rights that changed.</summary>
    public long Version => Volatile.Read(ref version);

    /// <summary>Whether something is known here that is not known to be in Redis.</summary>
    public bool IsBehind => isBehind;

    /// <summary>Shares from now on.</summary>
    public void Share(RedisLedger with) => ledger = new(with, time);

    public LoggedInUser? Find(string name) => users.TryGetValue(name, out var login) && login.User is { } user && user.End > time.GetUtcNow() ? user : null;

    public void Put(LoggedInUser user) => Next(user.Name, user, user.End);

    /// <summary>Puts him in, here and for the other replicas. While Redis is away he is known here alone.</summary>
    public async ValueTask Keep(LoggedInUser user) => await Store(user.Name, Next(user.Name, user, user.End));

    /// <summary>Strikes him out, here and for the other replicas.</summary>
    public async ValueTask Drop(string name)
    {
        if (users.TryGetValue(name, out var login))
        {
            await Store(name, Next(name, null, login.End));
        }
    }

    /// <summary>Looks for who is not known here where all replicas keep them; false when nobody can say.</summary>
    public async ValueTask<bool> Recall(string name)
    {
        if (ledger is not { } shared || (users.TryGetValue(name, out var login) && login.User is not null))
        {
            return true;
        }

        return await Read(shared, name) is not null;
    }

    /// <summary>He logged in at another replica.</summary>
    public void Hear(Fact fact)
    {
        if (fact.Kind == FactKind.User && ledger is { } shared && users.TryGetValue(fact.Name, out var login) && login.Number < fact.Number)
        {
            Put(fact.Name, new(null, fact.Number, login.End, IsStored: true));
            _ = Read(shared, fact.Name);
        }
    }

    /// <summary>Takes what is later in Redis, and stores there what is later here, now or when Redis takes it; false when it could not be read.</summary>
    public async Task<bool> Agree()
    {
        isBehind = false;
        foreach (var some in users.Where(pair => pair.Value.End > time.GetUtcNow()).Chunk(UserLedger.AskedAtOnce))
        {
            if (ledger is not { } shared || await shared.Numbers([.. some.Select(pair => pair.Key)]) is not { } numbers || !await Agree(shared, some, numbers))
            {
                isBehind = true;
                return false;
            }
        }

        return true;
    }

    private async Task<bool> Agree(UserLedger shared, KeyValuePair<string, Login>[] some, long[] numbers)
    {
        var late = new List<(string Name, Login Login, RedisValue Replaces)>();
        for (var i = 0; i < some.Length; i++)
        {
            var (name, login) = some[i];
            if (!login.IsStored)
            {
                await Store(name, login);
            }
            else if (numbers[i] != login.Number)
            {
                if (await Read(shared, name) is not { } there)
                {
                    return false;
                }

                if (there.Number < login.Number)
                {
                    late.Add((name, login, there.Number == 0 ? there.Text : RedisValue.EmptyString));
                }
            }
        }

        foreach (var few in late.Chunk(UserLedger.AtOnce))
        {
            isBehind |= await shared.Store(few) is null; // one that gave way gave way to a later one, which is said in the log
        }

        return true;
    }

    /// <summary>Stores a login that was made here: later than whatever stands there, though another's clock may say otherwise.</summary>
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

            replaces = there.Number == 0 ? there.Text : RedisValue.EmptyString;
            if (there.Number >= login.Number)
            {
                login = Put(name, login with { Number = there.Number + 1 });
            }
        }

        isBehind = true; // it is stored again when the log is read the next time
    }

    /// <summary>Takes what stands there, unless a later one is known; null when Redis did not answer.</summary>
    private async Task<StoredLogin?> Read(UserLedger shared, string name)
    {
        var read = await shared.Read(name);
        if (read is { Number: > 0, User: { } user } there)
        {
            Put(name, new(user, there.Number, user.End, IsStored: true));
        }
        else if (read is { Number: > 0 } said && users.TryGetValue(name, out var login) && login.Number < said.Number)
        {
            Put(name, new(null, said.Number, login.End, IsStored: true));
        }

        return read;
    }

    /// <summary>A login that is later than any known.</summary>
    private Login Next(string name, LoggedInUser? user, DateTimeOffset end)
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

        var put = users.AddOrUpdate(name, _ => login(null), (_, there) => login(there));
        Interlocked.Increment(ref version);
        return put;
    }
}
