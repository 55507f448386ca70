using Policies;

namespace Broker.Credentials;

/// <summary>Who sends a request: an identity (source, name) and its permissions. The same name from two sources is two callers.</summary>
internal sealed class Caller
{
    /// <summary>
    /// Where the identity comes from: <c>key</c> for a caller of the config, else the external issuer's name in the config.
    /// </summary>
    public required string Source { get; init; }

    /// <summary>The name there.</summary>
    public required string Name { get; init; }

    /// <summary>What the caller may do and reach at this moment: the credential within the present config.</summary>
    public required Permissions Permissions { get; init; }

    /// <summary>The account the caller uses at an upstream, by upstream.</summary>
    public IReadOnlyDictionary<string, string> Accounts { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// What account templates may use: <c>user</c> for a caller of the config, <c>corp:sub</c> for a claim of an external issuer's token.
    /// </summary>
    public IReadOnlyDictionary<string, string> TemplateValues { get; init; } = new Dictionary<string, string>();

    /// <summary>Requests of this identity at the same time; null is the limit of the config.</summary>
    public int? ConcurrentRequests { get; init; }

    /// <summary>The token of ours that was shown; null with any other credential.</summary>
    public TokenClaims? Token { get; init; }

    /// <summary>The end of the external issuer's token that was shown.</summary>
    public DateTimeOffset? TokenEnd { get; init; }

    /// <summary>Source and name: <c>key:dashboard</c>, <c>corp:alice</c>.</summary>
    public string Identity => field ??= $"{Source}:{Name}";
}
