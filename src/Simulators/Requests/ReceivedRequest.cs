namespace Simulators;

/// <summary>One request as it came off the wire.</summary>
public sealed record ReceivedRequest(
    DateTimeOffset At,
    RequestKind Kind,
    string Method,
    string RawTarget,
    IReadOnlyDictionary<string, string[]> Headers,
    string Body
)
{
    /// <summary>The port it came from.</summary>
    public int RemotePort { get; init; }

    /// <summary>The header's values joined with commas; null when it was not sent.</summary>
    public string? Header(string name) => Headers.TryGetValue(name, out var values) ? string.Join(",", values) : null;
}
