namespace Broker.UpstreamTokens;

/// <summary>
/// The last call that brought no token, for an operator. It stands in Redis unauthenticated: nothing goes by it, and only plain words are
/// shown.
/// </summary>
/// <param name="Call">Refresh or login.</param>
/// <param name="Outcome">Which of the four answers.</param>
/// <param name="Reason">A word of ours.</param>
/// <param name="By">The replica that called.</param>
/// <param name="Ago">How long ago, by Redis's clock.</param>
internal sealed record LastFailure(string Call, string Outcome, string Reason, string By, TimeSpan Ago)
{
    private const int Longest = 100;

    public static string Write(string call, in TokenAnswer answer, string replica) =>
        string.Join('|', Plain(call), answer.Kind.ToString().ToLowerInvariant(), Plain(answer.Reason ?? "unknown"), Plain(replica));

    /// <summary>What <see cref="Write"/> wrote; null for anything else.</summary>
    public static LastFailure? Read(string? text, TimeSpan ago) =>
        text?.Split('|') is [var call, var outcome, var reason, var by]
            ? new(Plain(call), Plain(outcome), Plain(reason), Plain(by), ago)
            : null;

    /// <summary>Nothing that a terminal would obey, and not much of it.</summary>
    public static string Plain(string text) =>
        string.Concat(text.Take(Longest).Select(letter => letter is > ' ' and < '~' and not '|' ? letter : '_'));
}
