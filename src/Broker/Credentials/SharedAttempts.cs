using System.Globalization;
using Broker.Credentials.Ledgers;
using Broker.Redis;
using StackExchange.Redis;

namespace Broker.Credentials;

/// <summary>Failed logins: those that this process saw, and where replicas share a Redis those of all together.</summary>
/// <remarks>While Redis is away this process counts on from what it knows: a guesser then has ten attempts at each replica. A remembered password is
/// looked up without a call, so of a wait that another replica began this one learns at its next attempt.</remarks>
internal sealed class SharedAttempts(TimeProvider time) : IFailedAttempts
{
    // KEYS: the pair. ARGV: free failures, first and longest wait ms, life ms below and above. Answers: whether it may, wait ms (now, or after it), failures.
    private static readonly RedisScript BeginScript = new("attempt-begin", """
        local t = redis.call('TIME')
        local now = t[1] * 1000 + math.floor(t[2] / 1000)
        local r = redis.call('HMGET', KEYS[1], 'f', 'n')
        local failures, following = tonumber(r[1] or '0') or 0, tonumber(r[2] or '0') or 0
        local free, first, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
        if following > now then return { 0, math.min(following - now, longest), failures } end
        failures = failures + 1
        following = 0
        if failures >= free then following = now + math.min(first * 2 ^ math.min(failures - free, 20), longest) end
        redis.call('HSET', KEYS[1], 'f', string.format('%.0f', failures), 'n', string.format('%.0f', following))
        redis.call('PEXPIRE', KEYS[1], failures < free and ARGV[4] or ARGV[5])
        return { 1, math.max(0, following - now), failures }
        """);

    private static readonly RedisScript WithdrawScript = new("attempt-withdraw", """
        local failures = tonumber(redis.call('HGET', KEYS[1], 'f') or '0') or 0
        if failures <= 1 then redis.call('DEL', KEYS[1])
        else redis.call('HSET', KEYS[1], 'f', string.format('%.0f', failures - 1), 'n', '0') end
        return 1
        """);

    private static readonly RedisScript ForgetScript = new("attempt-forget", "redis.call('DEL', KEYS[1]) return 1");

    // A few failures are forgotten sooner than in memory, where room is bounded by other means.
    private static readonly TimeSpan FewLive = TimeSpan.FromHours(1);

    private readonly AttemptMemory memory = new(time);
    private volatile RedisLedger? ledger;

    /// <summary>The wait after the last free failure.</summary>
    public TimeSpan First
    {
        set => memory.First = value;
    }

    /// <summary>Shares from now on.</summary>
    public void Share(RedisLedger with) => ledger = with;

    public ValueTask<AttemptTurn> Look(string name, string address, CancellationToken cancellation) => memory.Look(name, address, cancellation);

    public async ValueTask<AttemptTurn> Begin(string name, string address, CancellationToken cancellation)
    {
        var known = await memory.Look(name, address, cancellation);
        if (!known.MayTry || Shared is not { } shared
            || await shared.Link.Run(
                BeginScript,
                [shared.Names.Tries(name, address)],
                [AttemptMemory.Free, Milliseconds(memory.First), Milliseconds(AttemptMemory.Longest), Milliseconds(FewLive), Milliseconds(AttemptMemory.Forgotten)]) is not { } answered)
        {
            return known.MayTry ? await memory.Begin(name, address, cancellation) : known;
        }

        var parts = (RedisValue[])answered!;
        var wait = TimeSpan.FromMilliseconds(Math.Clamp((long)parts[1], 0, AttemptMemory.Longest.TotalMilliseconds));
        memory.Follow(name, address, (int)Math.Clamp((long)parts[2], 1, int.MaxValue), wait);
        return (long)parts[0] == 1 ? AttemptTurn.Go : new(true, wait);
    }

    public async ValueTask Succeeded(string name, string address, CancellationToken cancellation)
    {
        if (memory.Forget(name, address) && Shared is { } shared)
        {
            await shared.Link.Run(ForgetScript, [shared.Names.Tries(name, address)], []);
        }
    }

    public async ValueTask Withdraw(string name, string address, CancellationToken cancellation)
    {
        await memory.Withdraw(name, address, cancellation);
        if (Shared is { } shared)
        {
            await shared.Link.Run(WithdrawScript, [shared.Names.Tries(name, address)], []);
        }
    }

    /// <summary>Not while it is away: a login does not wait for a Redis that others wait for already.</summary>
    private RedisLedger? Shared => ledger is { Link.IsAway: false } shared ? shared : null;

    private static long Milliseconds(TimeSpan time) => (long)time.TotalMilliseconds;
}
