using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>The upstreams of a snapshot, by name.</summary>
internal sealed class UpstreamTable
{
    public required IReadOnlyDictionary<string, Upstream> ByName { get; init; }
}

/// <summary>A system behind the broker, as a snapshot has it.</summary>
internal sealed class Upstream
{
    public required string Name { get; init; }

    public required UpstreamOptions Options { get; init; }

    /// <summary>Headers that carry ids for it: the config's, else the kind's.</summary>
    public required IReadOnlyList<string> IdHeaders { get; init; }

    public required IReadOnlyDictionary<string, Account> Accounts { get; init; }

    /// <summary>The account of each user who logged in there, by the user's own refresh token; null where users cannot log in.</summary>
    public Account? Users { get; init; }
}
