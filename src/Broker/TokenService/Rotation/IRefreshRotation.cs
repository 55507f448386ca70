namespace Broker.TokenService;

/// <summary>What the use of a rotating refresh token is; the default says that nobody knows.</summary>
internal enum RotationVerdict
{
    /// <summary>Who would know cannot be asked: neither spent nor fresh.</summary>
    Unknown,

    /// <summary>Its first use: the successor counts from now on.</summary>
    First,

    /// <summary>Used a moment ago, and its successor never was: the answer was lost, and goes out again.</summary>
    WithinGrace,

    /// <summary>An old one: it or a successor is in other hands.</summary>
    Reused,

    /// <summary>Of a line that is not remembered, or not as far.</summary>
    UnknownFamily,
}

/// <summary>One use of a rotating refresh token.</summary>
/// <param name="Family">The line of successors.</param>
/// <param name="Sequence">Which of it: the first is 0.</param>
/// <param name="Successor">What is answered if this is its first use.</param>
/// <param name="Grace">How long that is answered again.</param>
/// <param name="Until">The end of the line.</param>
internal sealed record RefreshUse(string Family, int Sequence, string Successor, TimeSpan Grace, DateTimeOffset Until);

/// <summary>What came of it, and the successor to answer.</summary>
internal readonly record struct RotationAnswer(RotationVerdict Verdict, string? Successor);

/// <summary>Which refresh tokens were used (RFC 9700, 4.14.2).</summary>
/// <remarks>
/// <code>
/// place 0 --use--> 1, and for a grace 0 --use--> the same 1      1 --use--> 2: from here on 0 is reuse, whatever the time
/// </code>
/// </remarks>
internal interface IRefreshRotation
{
    /// <summary>Begins a line that ends then, and gives its id; null when nobody could remember it.</summary>
    ValueTask<string?> Begin(DateTimeOffset until, CancellationToken cancellation);

    /// <summary>Uses a token, once for all replicas.</summary>
    ValueTask<RotationAnswer> Use(RefreshUse use, CancellationToken cancellation);

    /// <summary>Forgets a line: none of its tokens is any good from now on. Until then is kept what has to be for that.</summary>
    ValueTask Drop(string line, DateTimeOffset until, CancellationToken cancellation);
}
