using StackExchange.Redis;

namespace Broker.UpstreamTokens;

/// <content>What an operator is shown besides, and his word to the replicas.</content>
internal sealed partial class RedisTokens
{
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
        Outcome(link.Run(Scripts.Tell, names.Keys(name), [names.Channel, LookWord + RedisNames.Message(name)]));

    /// <summary>The last call that brought no token; null when none is known.</summary>
    public async Task<LastFailure?> Failure(RecordKey name) =>
        await link.Run(Scripts.Failure, names.Keys(name), []) is { } answer && (RedisValue[])answer! is [var text, var ago]
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
