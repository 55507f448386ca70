using StackExchange.Redis;

namespace Broker.Credentials;

/// <summary>What the book has to do with Redis: it takes what is later there, and stores there what is later here.</summary>
internal sealed partial class UpstreamUserSessions
{
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
