using Microsoft.AspNetCore.Http;

namespace Broker.Credentials;

/// <summary>Every credential that a snapshot accepts, and how to read it.</summary>
internal sealed class CredentialTable
{
    /// <summary>Headers that can carry a credential; they never cross to an upstream.</summary>
    public static IReadOnlyList<string> HeaderNames { get; } = ["Authorization", "X-Api-Key"];

    /// <summary>Who asks? Completes at once for a credential that was verified a moment ago.</summary>
    public ValueTask<CredentialResult> Read(IHeaderDictionary headers, CredentialKinds accepted, CancellationToken cancellation) =>
        throw new NotImplementedException();

    /// <summary>The caller of the config with this name, for 'explain' and 'token new'; null when there is none.</summary>
    public Caller? CallerNamed(string name) => throw new NotImplementedException();
}
