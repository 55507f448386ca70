using System.Collections.Frozen;
using Broker.Configuration;
using Policies;

namespace Broker.Credentials;

/// <summary>The identities that a token of ours can rest on, in the present config: its callers, and those of its external issuers.</summary>
internal sealed class PresentCallers(CallerTable callers, IReadOnlyDictionary<string, IssuerOptions> issuers)
{
    private readonly FrozenDictionary<string, IssuerOptions> issuers = issuers.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Null when it is unknown or disabled.</summary>
    public ConfigCaller? Find(string identity)
    {
        var colon = identity.IndexOf(':', StringComparison.Ordinal);
        if (colon < 1)
        {
            return null;
        }

        var (source, name) = (identity[..colon], identity[(colon + 1)..]);
        return source == ConfigCaller.Source ? callers.Find(name)
            : issuers.TryGetValue(source, out var issuer) ? new(OfIssuer(source, name, issuer), null, null)
            : null;
    }

    // What someone of an external issuer may do now, only a new token of that issuer could say: the claims alone bound it, and its issuer
    // still has to be in the config.
    private static Caller OfIssuer(string source, string name, IssuerOptions issuer) => new()
    {
        Source = source,
        Name = name,
        Permissions = Permissions.Everything,
        Accounts = issuer.Accounts,
        TemplateValues = new Dictionary<string, string>(StringComparer.Ordinal) { [$"{source}:{issuer.NameClaim}"] = name },
    };
}
