namespace Broker.Configuration;

/// <summary>A secret that the config names and does not hold: a file or an environment variable, read when the config is.</summary>
/// <remarks>Prints as <c>***</c>. Two are equal when their values are.</remarks>
internal sealed class Secret(string source, string value) : IEquatable<Secret>
{
    /// <summary>Where it was read from, such as <c>file /run/secrets/x</c>: safe to print.</summary>
    public string Source { get; } = source;

    /// <summary>The value itself; empty when it was missing and the config was only checked.</summary>
    public string Reveal() => value;

    public bool Equals(Secret? other) => other is not null && string.Equals(value, other.Reveal(), StringComparison.Ordinal);

    public override bool Equals(object? obj) => Equals(obj as Secret);

    public override int GetHashCode() => 0; // nothing of the value, not even a hash, leaves this type

    public override string ToString() => "***";
}
