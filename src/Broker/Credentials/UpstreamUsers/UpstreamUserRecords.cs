using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Broker.Redis;
using Policies;
using StackExchange.Redis;

namespace Broker.Credentials;

/// <summary>A user's login.</summary>
/// <param name="User">Null if a newer login is known to exist and nothing of it is known here, or if the user is no longer let in.</param>
/// <param name="Number">Later ones are greater.</param>
/// <param name="End">Until when it matters.</param>
/// <param name="IsStored">Whether it came from Redis, or is known to be there.</param>
internal sealed record Login(UpstreamUser? User, long Number, DateTimeOffset End, bool IsStored);

/// <summary>What stands in Redis of a user.</summary>
/// <param name="Number">The number of the user's last login; 0 if the brokers wrote none.</param>
/// <param name="User">Null when it says no more than the number, or is sealed.</param>
/// <param name="IsSealed">It is sealed under a key that this replica lacks, so the user's rights are not known here.</param>
/// <param name="Text">The number as it stands there.</param>
internal readonly record struct StoredLogin(long Number, UpstreamUser? User, bool IsSealed, RedisValue Text);

/// <summary>
/// The last logins of upstreams' users in Redis. One step stores a login and says in the log that there is one: who has an older one drops
/// it.
/// </summary>
internal sealed class UpstreamUserRecords(RedisRevocationLog ledger, TimeProvider time, ILogger log)
{
    /// <summary>How many are stored in one step.</summary>
    public const int AtOnce = 64;

    /// <summary>How many are asked for in one step.</summary>
    public const int AskedAtOnce = 500;

    /// <summary>The field of a user that is no longer than so; '' for anything that is not the brokers' own.</summary>
    /// <remarks>What stands there of one user must not stop the step for the others.</remarks>
    private const string Field = """
        local function field(key, name, most)
          if redis.call('TYPE', key).ok ~= 'hash' then return '' end
          local value = redis.call('HGET', key, name)
          return value and #value <= most and value or ''
        end

        """;

    // KEYS: head, index, ends, users. ARGV, after what Saying takes: for each user class, life and entry of the word; number, sealed login,
    // its life; a number that is no login of ours and gives way. Answers for each: whether it stands there now.
    private static readonly RedisScript StoreScript = new(
        "user-store",
        Field
            + RevocationLogScripts.Saying
            + """
            local answers, any = {}, false
            for i = 4, #KEYS do
              local at = 5 + (i - 4) * 7
              local there, number = field(KEYS[i], 'n', 32), ARGV[at + 3]
              answers[#answers + 1] = 1
              if there == ARGV[at + 6] or count(there) < count(number) then
                if redis.call('TYPE', KEYS[i]).ok ~= 'hash' then redis.call('DEL', KEYS[i]) end
                redis.call('HSET', KEYS[i], 'n', number, 'b', ARGV[at + 4])
                redis.call('PEXPIRE', KEYS[i], ARGV[at + 5])
                say(ARGV[at], ARGV[at + 1], ARGV[at + 2])
                any = true
              elseif there ~= number or field(KEYS[i], 'b', 1048576) ~= ARGV[at + 4] then -- another of the same millisecond
                answers[#answers] = 0
              end
            end
            if any then said() end
            return answers
            """
    );

    // Answers: number, sealed login, whether anything stands there.
    private static readonly RedisScript ReadScript = new(
        "user-read",
        Field + "return { field(KEYS[1], 'n', 32), field(KEYS[1], 'b', 1048576), redis.call('EXISTS', KEYS[1]) }"
    );

    private static readonly RedisScript NumbersScript = new(
        "user-numbers",
        Field
            + """
            local numbers = {}
            for i = 1, #KEYS do numbers[i] = field(KEYS[i], 'n', 32) end
            return numbers
            """
    );

    private readonly Doubts doubts = new(log);
    private readonly ConcurrentDictionary<string, bool> lacked = new(StringComparer.Ordinal);

    /// <summary>There is another ring of keys: what it lacks is told anew.</summary>
    public void Adopted() => lacked.Clear();

    /// <summary>
    /// Of each whether it stands there now; one that does not gave way to a later one, or to another of the same number. Null when nobody
    /// knows.
    /// </summary>
    public async Task<bool[]?> Store(IReadOnlyList<(string Name, Login Login, RedisValue Replaces)> logins)
    {
        List<RedisValue> values = [.. ledger.Head()];
        foreach (var (name, login, replaces) in logins)
        {
            var life = Math.Max(1, (long)(login.End - time.GetUtcNow()).TotalMilliseconds);
            var closed = ledger.Names.Secrets.Close(login.User is { } user ? Write(user) : [], ledger.Names.User(name), login.Number);
            values.AddRange(ledger.Entry(new(RevocationEventKind.User, name, login.Number, time.GetUtcNow() + RevocationEvent.WordLives)));
            values.AddRange([login.Number, closed, life, replaces]);
        }

        RedisKey[] keys = [.. ledger.Names.Keys, .. logins.Select(login => (RedisKey)ledger.Names.User(login.Name))];
        return await ledger.Link.Run(StoreScript, keys, [.. values]) is { } answer
            ? [.. ((RedisValue[])answer!).Select(there => (long)there == 1)]
            : null;
    }

    /// <summary>Null when Redis did not answer.</summary>
    public async Task<StoredLogin?> Read(string name)
    {
        var key = ledger.Names.User(name);
        if (await ledger.Link.Run(ReadScript, [key], []) is not { } answer)
        {
            return null;
        }

        var parts = (RedisValue[])answer!;
        var number = Number(parts[0]);
        string? lacks = null;
        var text = number > 0 ? ledger.Names.Secrets.Open((byte[])parts[1]! ?? [], key, number, out lacks) : null;
        if (lacks is not null && lacked.TryAdd(lacks, true))
        {
            ReplicationLog.LacksKey(log, lacks); // once, not for each request
        }

        if (text is null && lacks is null && (long)parts[2] == 1)
        {
            doubts.Found(key);
        }
        else
        {
            doubts.Over(key);
        }

        var user = text is null ? null : Parse(text);
        return new(text is null && lacks is null ? 0 : number, user?.Name == name ? user : null, lacks is not null, parts[0]);
    }

    /// <summary>The numbers that stand there, whoever wrote them; null when Redis did not answer.</summary>
    public async Task<long[]?> Numbers(IReadOnlyList<string> names) =>
        await ledger.Link.Run(NumbersScript, [.. names.Select(name => (RedisKey)ledger.Names.User(name))], []) is { } answer
            ? [.. ((RedisValue[])answer!).Select(Number)]
            : null;

    private static long Number(RedisValue text) =>
        long.TryParse((string?)text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static byte[] Write(UpstreamUser user)
    {
        var held = user.Permissions;
        return JsonSerializer.SerializeToUtf8Bytes(
            new Form(
                user.Upstream,
                user.UserId,
                Names(held.Actions),
                Names(held.Networks),
                Names(held.DeviceTypes),
                Names(held.Devices),
                user.RefreshToken,
                user.End.UtcTicks
            )
        );
    }

    private static UpstreamUser? Parse(byte[] text)
    {
        try
        {
            return JsonSerializer.Deserialize<Form>(text) is not { Upstream.Length: > 0, Refresh.Length: > 0 } form
                ? null
                : new(
                    form.Upstream,
                    form.Id,
                    new(Selection.Of(form.A), Selection.Of(form.N), Selection.Of(form.T), Selection.Of(form.D)),
                    form.Refresh,
                    new DateTimeOffset(form.End, TimeSpan.Zero)
                );
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string[] Names(Selection selection) => selection.IsEverything ? [Selection.Wildcard] : [.. selection.Names];

    private sealed record Form(string Upstream, long Id, string[] A, string[] N, string[] T, string[] D, string Refresh, long End);
}
