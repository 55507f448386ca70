using System.Collections.Concurrent;
using System.Text.Json;
using Broker.Credentials.Ledgers;
using Broker.Redis;
using Policies;
using StackExchange.Redis;

namespace Broker.Credentials;

/// <summary>Users of upstreams who have logged in: at this process or, where replicas share a Redis, at any. Past the end of what it holds they have to again.</summary>
internal sealed class UserBook(TimeProvider time, int capacity = 100_000)
{
    private static readonly RedisScript KeepScript = new("user-keep", "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 1");
    private static readonly RedisScript ReadScript = new("user-read", "return redis.call('GET', KEYS[1]) or ''");
    private static readonly RedisScript DropScript = new("user-drop", "redis.call('DEL', KEYS[1]) return 1");

    // Long enough for every replica to read it in the log.
    private static readonly TimeSpan WordLives = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<string, LoggedInUser> users = new(StringComparer.Ordinal);
    private volatile RedisLedger? ledger;
    private volatile LedgerWatch? watch;
    private long version;

    /// <summary>Counts up with each login: what was worked out before may rest on rights that changed.</summary>
    public long Version => Volatile.Read(ref version);

    /// <summary>Shares from now on.</summary>
    public void Share(RedisLedger with, LedgerWatch told) => (ledger, watch) = (with, told);

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

    /// <summary>Puts him in, here and for the other replicas. While Redis is away he is known here alone.</summary>
    public async ValueTask Keep(LoggedInUser user)
    {
        Put(user);
        if (ledger is { } shared && watch is { } others)
        {
            var (key, life) = (shared.Names.User(user.Name), Math.Max(1, (long)(user.End - time.GetUtcNow()).TotalMilliseconds));
            if (await shared.Link.Run(KeepScript, [key], [shared.Names.Secrets.Close(Write(user), key, 0), life]) is not null)
            {
                await others.Say(new(FactKind.User, user.Name, time.GetUtcNow().ToUnixTimeMilliseconds(), time.GetUtcNow() + WordLives));
            }
        }
    }

    /// <summary>Looks for who is not known here where all replicas keep them; false when nobody can say.</summary>
    public async ValueTask<bool> Recall(string name)
    {
        if (users.ContainsKey(name) || ledger is not { } shared)
        {
            return true;
        }

        return await Read(shared, name);
    }

    /// <summary>He logged in at another replica: what is held of him here is read anew.</summary>
    public void Hear(Fact fact)
    {
        if (fact.Kind == FactKind.User && ledger is { } shared && users.ContainsKey(fact.Name))
        {
            _ = Read(shared, fact.Name);
        }
    }

    /// <summary>Strikes him out, here and in Redis.</summary>
    public async ValueTask Drop(string name)
    {
        users.TryRemove(name, out _);
        Interlocked.Increment(ref version);
        if (ledger is { } shared)
        {
            await shared.Link.Run(DropScript, [shared.Names.User(name)], []);
        }
    }

    private async Task<bool> Read(RedisLedger shared, string name)
    {
        var key = shared.Names.User(name);
        if (await shared.Link.Run(ReadScript, [key], []) is not { } answer)
        {
            return false;
        }

        if ((byte[]?)answer is { Length: > 0 } closed && shared.Names.Secrets.Open(closed, key, 0, out _) is { } text && Parse(text) is { } user && user.Name == name)
        {
            Put(user);
        }

        return true;
    }

    private static byte[] Write(LoggedInUser user)
    {
        var held = user.Permissions;
        return JsonSerializer.SerializeToUtf8Bytes(
            new Form(user.Upstream, user.UserId, Names(held.Actions), Names(held.Networks), Names(held.DeviceTypes), Names(held.Devices), user.RefreshToken, user.End.UtcTicks));
    }

    private static LoggedInUser? Parse(byte[] text)
    {
        try
        {
            return JsonSerializer.Deserialize<Form>(text) is not { Upstream.Length: > 0, Refresh.Length: > 0 } form ? null : new(
                form.Upstream, form.Id, new(Selection.Of(form.A), Selection.Of(form.N), Selection.Of(form.T), Selection.Of(form.D)), form.Refresh, new DateTimeOffset(form.End, TimeSpan.Zero));
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string[] Names(Selection selection) => selection.IsEverything ? [Selection.Wildcard] : [.. selection.Names];

    private sealed record Form(string Upstream, long Id, string[] A, string[] N, string[] T, string[] D, string Refresh, long End);
}
