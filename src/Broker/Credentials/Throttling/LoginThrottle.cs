using System.Globalization;
using Broker.Redis;
using StackExchange.Redis;

namespace Broker.Credentials;

/// <summary>Failed logins: those that this process saw, and where replicas share a Redis those of all together.</summary>
/// <remarks>While Redis is away this process counts on from what it knows: a guesser then has ten attempts at each replica. A remembered
/// password is looked up without a call, so of a wait that another replica began this one learns at its next attempt.</remarks>
internal sealed class LoginThrottle(TimeProvider time) : ILoginThrottle
{
    // An address's hash: for each name f:n:l, failures, from when on the next may follow, and the last one; '*' is shared by the names
    // beyond those that are counted apart; '~' is when to look again for what is over, '@' since when there is the hash. ARGV[1] is the
    // name.
    private const string Start = """
        local t = redis.call('TIME')
        local now, place = t[1] * 1000 + math.floor(t[2] / 1000), ARGV[1]
        local function read(field)
          local text = redis.call('HGET', KEYS[1], field) or ''
          local f, n, l = string.match(#text <= 64 and text or '', '^(%d+):(%d+):(%d+)$')
          return math.min(tonumber(f or '0'), 1000000), tonumber(n or '0'), tonumber(l or '0')
        end
        local kind = redis.call('TYPE', KEYS[1]).ok
        local isForeign = kind ~= 'none' and kind ~= 'hash'
        local function write(f, n, l) redis.call('HSET', KEYS[1], place, string.format('%.0f:%.0f:%.0f', f, n, l)) end

        """;

    // ARGV: free failures, the waits in ms after the last of them and after each further one, the longest of these, after how many ms few
    // and many are forgotten, names apart; '@' as this replica knows it, and failures.
    // Answers: whether it may, wait ms (now, or after it), failures, '@'. A replica that knows of another hash counts on from what it
    // knows: Redis lost it.
    private static readonly RedisScript BeginScript = new(
        "attempt-begin",
        Start
            + """
            local free, longest, apart = tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[7])
            local waits = {}
            for wait in string.gmatch(ARGV[3], '%d+') do waits[#waits + 1] = tonumber(wait) end
            local function life(f) return tonumber(f < free and ARGV[5] or ARGV[6]) end
            if isForeign then redis.call('DEL', KEYS[1]) end
            local began = redis.call('HGET', KEYS[1], '@')
            if not began or #began > 20 then
              began = string.format('%.0f', now)
              redis.call('HSET', KEYS[1], '@', began)
            end
            if redis.call('HLEN', KEYS[1]) >= apart and redis.call('HEXISTS', KEYS[1], place) == 0 then
              local again = redis.call('HSTRLEN', KEYS[1], '~') <= 20 and tonumber(redis.call('HGET', KEYS[1], '~') or '0') or 0
              if again <= now or again > now + 60000 then
                for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
                  local f, _, l = read(field)
                  if field ~= '@' and l + life(f) <= now then redis.call('HDEL', KEYS[1], field) end
                end
                redis.call('HSET', KEYS[1], '~', string.format('%.0f', now + 60000))
              end
              if redis.call('HLEN', KEYS[1]) >= apart then place = '*' end
            end
            local failures, following, last = read(place)
            if last + life(failures) <= now then failures, following = 0, 0 end
            if ARGV[8] ~= '' and ARGV[8] ~= began then failures = math.max(failures, tonumber(ARGV[9])) end
            if following > now + longest then -- nobody of ours wrote that: it is over when the longest wait is
              following = now + longest
              write(failures, following, now)
            end
            if following > now then return { 0, following - now, failures, began, isForeign and 1 or 0 } end
            failures = failures + 1
            following = 0
            if failures >= free then following = now + waits[math.min(failures - free + 1, #waits)] end
            write(failures, following, now)
            if redis.call('PTTL', KEYS[1]) < life(failures) then redis.call('PEXPIRE', KEYS[1], life(failures)) end
            return { 1, math.max(0, following - now), failures, began, isForeign and 1 or 0 }
            """
    );

    private const string TakeBack = """
        local failures, _, last = read(place)
        if failures > 0 then write(failures - 1, 0, last) end
        return 1
        """;

    private static readonly RedisScript WithdrawScript = new(
        "attempt-withdraw",
        Start
            + """
            if isForeign then return 1 end
            if redis.call('HEXISTS', KEYS[1], place) == 0 then place = '*' end

            """
            + TakeBack
    );

    // ARGV: free failures, whether the attempt was begun.
    private static readonly RedisScript ForgetScript = new(
        "attempt-forget",
        Start
            + """
            if isForeign or redis.call('HDEL', KEYS[1], place) == 1 then return 1 end
            place = '*'
            if ARGV[3] == '0' or read(place) > tonumber(ARGV[2]) then return 1 end

            """
            + TakeBack
    );

    // A moment without Redis is no reason to send a user away.
    private const int StrictTries = 5;

    private static readonly TimeSpan StrictPause = TimeSpan.FromMilliseconds(400);

    private readonly LocalLoginThrottle memory = new(time);
    private volatile RedisRevocationLog? ledger;
    private volatile Doubts? doubts;

    public LoginThrottleLimits Limits
    {
        get => memory.Limits;
        set => memory.Limits = value;
    }

    /// <summary>
    /// Whether nobody may try while the others' count cannot be asked: else each replica would let through as many as all together may.
    /// </summary>
    public bool IsStrict { private get; set; }

    /// <summary>Shares from now on.</summary>
    public void Share(RedisRevocationLog with, ILogger log) => (doubts, ledger) = (new(log), with);

    public ValueTask<LoginAttempt> Look(string name, string address, CancellationToken cancellation) =>
        memory.Look(name, address, cancellation);

    public async ValueTask<LoginAttempt> Begin(string name, string address, CancellationToken cancellation)
    {
        var known = await memory.Look(name, address, cancellation);
        if (!known.MayTry)
        {
            return known;
        }

        var answered = await Ask(name, address);
        for (var tries = 1; answered is null && ledger is not null && IsStrict; tries++)
        {
            if (tries == StrictTries)
            {
                return default;
            }

            await Task.Delay(StrictPause, time, cancellation);
            answered = await Ask(name, address);
        }

        if (answered is null)
        {
            return await memory.Begin(name, address, cancellation);
        }

        var parts = (RedisValue[])answered!;
        var wait = TimeSpan.FromMilliseconds(Math.Clamp((long)parts[1], 0, Limits.Longest.TotalMilliseconds));
        memory.Follow(name, address, (int)Math.Clamp((long)parts[2], 1, int.MaxValue), wait, (string)parts[3]!);
        return (long)parts[0] == 1 ? LoginAttempt.Go : new(true, wait);
    }

    public async ValueTask Succeeded(string name, string address, bool wasBegun, CancellationToken cancellation)
    {
        if ((memory.Forget(name, address, wasBegun) || wasBegun) && Shared is { } shared)
        {
            await shared.Link.Run(
                ForgetScript,
                [shared.Names.Tries(address)],
                [FieldOf(shared, name, address), Limits.Free, wasBegun ? 1 : 0]
            );
        }
    }

    public async ValueTask Withdraw(string name, string address, CancellationToken cancellation)
    {
        var isHere = memory.Row(name, address).IsHere;
        await memory.Withdraw(name, address, cancellation);
        if (!isHere && Shared is { } shared)
        {
            await shared.Link.Run(WithdrawScript, [shared.Names.Tries(address)], [FieldOf(shared, name, address)]);
        }
    }

    /// <summary>What all replicas together say of an attempt, which counts from now on; null when they cannot be asked.</summary>
    private async Task<RedisResult?> Ask(string name, string address)
    {
        if (Shared is not { } shared)
        {
            return null;
        }

        var (row, limits) = (memory.Row(name, address), Limits);
        var key = shared.Names.Tries(address);
        var answer = await shared.Link.Run(
            BeginScript,
            [key],
            [
                FieldOf(shared, name, address),
                limits.Free,
                string.Join(' ', limits.Delays.Select(Milliseconds)),
                Milliseconds(limits.Longest),
                Milliseconds(limits.FewForgotten),
                Milliseconds(limits.Forgotten),
                LocalLoginThrottle.NamesApart,
                row.Began ?? RedisValue.EmptyString,
                row.Failures,
            ]
        );
        if (answer is not null && (long)((RedisValue[])answer!)[4] == 1)
        {
            doubts?.Found(key);
        }
        else if (answer is not null)
        {
            doubts?.Over(key);
        }

        return answer;
    }

    /// <summary>Not while it is away: a login does not wait for a Redis that others wait for already.</summary>
    private RedisRevocationLog? Shared => ledger is { Link.IsAway: false } shared ? shared : null;

    private static string FieldOf(RedisRevocationLog shared, string name, string address) =>
        shared.Names.Tried(AddressThrottle.Folded(name), address);

    private static long Milliseconds(TimeSpan time) => (long)time.TotalMilliseconds;
}
