using System.Globalization;
using Broker.Redis;
using StackExchange.Redis;

namespace Broker.UpstreamTokens;

/// <summary>The shared tokens in Redis: a script a step, all keys of an identity in one slot, every token encrypted.</summary>
internal sealed class RedisTokens : ISharedTokens
{
    private readonly RedisLink link;
    private readonly RedisNames names;
    private readonly PairSeal seal;
    private readonly ChangeWaiters waits;
    private readonly Doubts doubts;
    private readonly RedisValue keyLives;

    public RedisTokens(RedisLink link, RedisNames names, PairSeal seal, TimeSpan refreshLives, TimeProvider time, ILogger log)
    {
        (this.link, this.names, this.seal, doubts) = (link, names, seal, new(log));
        waits = new(time);
        keyLives = Milliseconds(refreshLives);
        link.Heard += Hear;
        link.Returned += () => Returned?.Invoke();
    }

    public event Action? Returned;

    public event Action? Answered;

    public bool IsSpread => link.IsCluster;

    /// <summary>A Redis that refuses to write is away: what it reads may be old, and nothing could follow.</summary>
    public async Task<StoredState> Read(RecordKey name) =>
        Look(name, link.IsRefusing ? null : await Run(SharedTokenScripts.Read, names.Keys(name), []));

    public async Task<StoredState> Take(RecordKey name, Attempt attempt, TimeSpan lease) =>
        Look(name, await Run(SharedTokenScripts.Take, names.Keys(name), [attempt.ToString(), Milliseconds(lease), keyLives]));

    public async Task<StoreOutcome> Note(RecordKey name, Attempt attempt, OpaqueName spends, TimeSpan deadline, TimeSpan lease)
    {
        var written = await link.RunReplicated(
            SharedTokenScripts.Note,
            names.Keys(name),
            [attempt.ToString(), Milliseconds(lease), spends.Hex, Microseconds(deadline), keyLives]
        );
        return written is not { } known ? StoreOutcome.Unknown
            : !known.IsWritten ? StoreOutcome.Lost
            : known.IsReplicated ? StoreOutcome.Done
            : StoreOutcome.NotReplicated;
    }

    public Task<StoreOutcome> Extend(RecordKey name, Attempt attempt, TimeSpan lease) =>
        Outcome(Run(SharedTokenScripts.Extend, names.Keys(name), [attempt.ToString(), Milliseconds(lease)]));

    public Task<StoreOutcome> Commit(RecordKey name, Attempt attempt, SharedPair pair, TimeSpan? lives) =>
        Outcome(
            Run(
                SharedTokenScripts.Commit,
                names.Keys(name),
                [
                    attempt.ToString(),
                    Text(pair.FencingToken),
                    seal.Close(pair, names.Pair(name)),
                    Lives(lives),
                    keyLives,
                    pair.RunId,
                    names.Channel,
                    RedisNames.Message(name),
                ]
            )
        );

    public Task<StoreOutcome> Release(RecordKey name, Attempt attempt) =>
        Outcome(Run(SharedTokenScripts.Release, names.Keys(name), [attempt.ToString(), names.Channel, RedisNames.Message(name)]));

    public Task<StoreOutcome> Settle(RecordKey name, Attempt attempt, Settlement settlement) =>
        Outcome(
            Run(
                SharedTokenScripts.Settle,
                names.Keys(name),
                [
                    attempt.ToString(),
                    $"{settlement.Note}",
                    Microseconds(settlement.NoteLeft),
                    settlement.Quiet is { } quiet ? Microseconds(quiet) : -1,
                    (int)settlement.Problem,
                    Milliseconds(settlement.Remembered),
                    settlement.Refused?.Hex ?? "",
                    keyLives,
                    settlement.Failure ?? "",
                    settlement.Whose == default ? "" : settlement.Whose.Hex,
                    settlement.IsUnknownRefresh ? 1 : 0,
                ]
            )
        );

    public Task<StoreOutcome> Republish(RecordKey name, SharedPair? pair, TimeSpan? lives, SpendIntent? note, long? damaged = null) =>
        Outcome(
            Run(
                SharedTokenScripts.Republish,
                names.Keys(name),
                [
                    Text(pair?.FencingToken ?? 0),
                    pair?.RunId ?? "",
                    pair is null ? "" : seal.Close(pair, names.Pair(name)),
                    Lives(lives),
                    keyLives,
                    Text(note?.Number ?? 0),
                    note?.Spends.Hex ?? "",
                    note?.Attempt.ToString() ?? "",
                    Microseconds(note?.Left ?? TimeSpan.Zero),
                    keyLives,
                    damaged is { } known ? Text(known) : "",
                    names.Channel,
                    RedisNames.Message(name),
                ]
            )
        );

    public async Task<Permission> Permit(BudgetAsk ask)
    {
        List<RedisValue> values =
        [
            ask.Attempt.ToString(),
            ask.IsRejection ? "1" : "0",
            Text(ask.Known),
            ask.KnownFrom,
            ask.IsReminder ? "1" : "0",
            Microseconds(LoginBudget.LongestPer),
        ];
        var alone = ask.Alone ?? [];
        values.Add(alone.Count);
        foreach (var login in alone)
        {
            values.AddRange([login.Attempt.ToString(), Microseconds(login.Age), login.IsRejection ? "1" : "0"]);
        }
        foreach (var window in ask.Windows)
        {
            values.AddRange([window.Permit, Microseconds(window.Per)]);
        }
        var keys = names.Budget(ask.Budget);
        if (await Run(BudgetScript.Permit, keys, [.. values]) is not { } answer)
        {
            return default;
        }
        var parts = (RedisValue[])answer!;
        Tell(keys, parts[4]);
        return new(
            (long)parts[0] == 1 ? StoreOutcome.Done : StoreOutcome.Lost,
            TimeSpan.FromMicroseconds(Number(parts[1])),
            Number(parts[2]),
            parts[3]!
        );
    }

    public async Task<Seating?> Sit(Attempt who, int? had, int seats, TimeSpan lives) =>
        await Run(SeatScript.Sit, names.Seats, [who.ToString(), had ?? -1, seats, Microseconds(lives)]) is { } answer
        && (RedisValue[])answer! is [var seat, var now, var others]
        && Tell(names.Seats, others) is not null
            ? new(Number(seat) is >= 0 and var number ? (int)number : null, TimeSpan.FromMicroseconds(Number(now)))
            : null;

    public Task Changed(RecordKey name, TimeSpan atMost) => waits.For(RedisNames.Message(name), atMost);

    private async Task<RedisResult?> Run(RedisScript script, RedisKey[] keys, RedisValue[] values)
    {
        var answer = await link.Run(script, keys, values);
        if (answer is not null && !link.IsRefusing)
        {
            Answered?.Invoke();
        }
        return answer;
    }

    private static async Task<StoreOutcome> Outcome(Task<RedisResult?> step) =>
        await step is not { } answer ? StoreOutcome.Unknown
        : (long)answer == 1 ? StoreOutcome.Done
        : StoreOutcome.Lost;

    /// <summary>Tells of each key at which the step found what is not the brokers' own; gives these.</summary>
    private string Tell(RedisKey[] keys, RedisValue found)
    {
        var others = ((string?)found ?? "").PadRight(keys.Length, '0');
        for (var i = 0; i < keys.Length; i++)
        {
            if (others[i] == '1')
            {
                doubts.Found(keys[i]!);
            }
            else
            {
                doubts.Over(keys[i]!);
            }
        }
        return others;
    }

    private static RedisValue Milliseconds(TimeSpan time) => (long)Math.Max(1, time.TotalMilliseconds);

    private static RedisValue Microseconds(TimeSpan time) => (long)time.TotalMicroseconds;

    private static RedisValue Lives(TimeSpan? lives) => lives is { } known ? Milliseconds(known) : 0;

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static long Number(RedisValue value) =>
        long.TryParse((string?)value, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static TimeSpan Positive(long microseconds) => microseconds > 0 ? TimeSpan.FromMicroseconds(microseconds) : TimeSpan.Zero;

    /// <summary>Reads what the scripts' <c>look</c> answers, in its order.</summary>
    private StoredState Look(RecordKey name, RedisResult? answer)
    {
        if (answer is null)
        {
            return default;
        }
        var parts = (RedisValue[])answer!;
        string? lacks = null;
        var generation = Number(parts[6]);
        var blob = (byte[]?)parts[8];
        var left = Number(parts[4]);
        var pair = blob is { Length: > 0 } ? seal.Open(blob, names.Pair(name), generation, (string)parts[7]!, out lacks) : null;
        var note = Number(parts[9]) is > 0 and var number
            ? new SpendIntent(number, OpaqueName.Parse(parts[10]), Attempt.Parse(parts[11]), Positive(Number(parts[12])))
            : default(SpendIntent?);
        var others = ((string?)parts[20] ?? "").ToCharArray();
        others[0] = pair is null && lacks is null && left != -2 ? '1' : others[0];
        others[2] =
            (note is null && parts[9] != "")
            || note is { Spends: var spends, Attempt: var attempt } && (spends == default || attempt == default)
                ? '1'
                : others[2];
        var foreign = Tell(names.Keys(name), new string(others));
        return new StoredState
        {
            Outcome = StoreOutcome.Done,
            Run = parts[0]!,
            Now = Number(parts[1]),
            Number = Number(parts[2]),
            LeaseLeft = Positive(Number(parts[3]) * 1000),
            PairLeft = left < 0 ? null : TimeSpan.FromMilliseconds(left),
            EpochAge = Positive(Number(parts[5])),
            Pair = pair,
            Damaged = pair is null && lacks is null && left != -2 ? generation : null,
            LacksKey = lacks,
            Note = note,
            IsNoteForeign = foreign[2] == '1',
            Quiet = new(
                Positive(Number(parts[13])),
                (TokenProblem)Number(parts[14]),
                Few(parts[15]),
                OpaqueName.Parse(parts[16]),
                Few(parts[17])
            )
            {
                Whose = OpaqueName.Parse(parts[18]),
                Unknowns = Few(parts[19]),
            },
        };
    }

    /// <summary>A count of failures: more than so many say no more.</summary>
    private static int Few(RedisValue value) => (int)Math.Clamp(Number(value), 0, 1000);

    // What an operator is shown besides, and what an operator tells the replicas.

    private const string LookWord = "look:";

    /// <summary>
    /// An operator says that what replicas hold of this owner's record is not what is stored. A word may be lost, or anybody's who reaches
    /// Redis.
    /// </summary>
    public event Action<string>? LookAsked;

    /// <summary>Whether this process's message names the record.</summary>
    public static bool IsOf(string message, RecordKey name) => message == RedisNames.Message(name);

    /// <summary>Tells all who listen now to look.</summary>
    public Task<StoreOutcome> AskToLook(RecordKey name) =>
        Outcome(link.Run(SharedTokenScripts.Tell, names.Keys(name), [names.Channel, LookWord + RedisNames.Message(name)]));

    /// <summary>The last call that brought no token; null when none is known.</summary>
    public async Task<LastFailure?> Failure(RecordKey name) =>
        await link.Run(SharedTokenScripts.Failure, names.Keys(name), []) is { } answer && (RedisValue[])answer! is [var text, var ago]
            ? LastFailure.Read(text, Positive(Number(ago)))
            : null;

    /// <summary>What is left of a budget's windows; takes nothing. Null when it was not answered.</summary>
    public async Task<IReadOnlyList<BudgetLeft>?> Left(OpaqueName budget, IReadOnlyList<BudgetWindow> windows)
    {
        var values = windows.SelectMany(window => new RedisValue[] { window.Permit, Microseconds(window.Per) }).ToArray();
        if (await link.Run(BudgetScript.Left, names.Budget(budget), values) is not { } answer)
        {
            return null;
        }
        var parts = (RedisValue[])answer!;
        return [.. windows.Select((window, i) => new BudgetLeft(window, (int)Number(parts[2 * i]), Positive(Number(parts[(2 * i) + 1]))))];
    }

    private void Hear(string message)
    {
        if (message.StartsWith(LookWord, StringComparison.Ordinal))
        {
            LookAsked?.Invoke(message[LookWord.Length..]);
        }
        else
        {
            waits.Wake(message);
        }
    }
}

/// <summary>What is left of one window of a budget.</summary>
/// <param name="Window">So many in so long.</param>
/// <param name="Left">How many are left.</param>
/// <param name="Wait">When none is: how long until there is one.</param>
internal readonly record struct BudgetLeft(BudgetWindow Window, int Left, TimeSpan Wait);
