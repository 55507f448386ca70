using System.Collections.Frozen;
using Broker.Configuration;
using Policies;

namespace Broker.Credentials;

/// <summary>
/// The identities that a token of ours can rest on, in the present config: its callers, those of its external issuers, and an upstream's
/// users.
/// </summary>
internal sealed class CallerDirectory(
    CallerTable callers,
    IReadOnlyDictionary<string, IssuerOptions> issuers,
    string? usersOf,
    UpstreamUserSessions users
)
{
    private readonly FrozenDictionary<string, IssuerOptions> issuers = issuers.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Changes whenever what is found here may be another.</summary>
    public long Version => users.Version;

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
            : source == UpstreamUser.Source
                ? users.Find(name) is { } user && user.Upstream == usersOf ? OfUpstream(user)
                    : null
            : issuers.TryGetValue(source, out var issuer) ? new(OfIssuer(source, name, issuer), null, null)
            : null;
    }

    /// <summary>
    /// Makes sure that an upstream's users whom a token rests on are here if any replica knows them; false when nobody can say.
    /// </summary>
    public async ValueTask<bool> Recall(TokenClaims claims)
    {
        if (!await Recall(claims.Subject))
        {
            return false;
        }

        for (var i = 0; i < claims.Creators.Count; i++)
        {
            if (!await Recall(claims.Creators[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Removes an upstream's user; false when what was shown is not what is stored for the user now.</summary>
    public async ValueTask<bool> Drop(Caller caller)
    {
        if (
            caller.Source != UpstreamUser.Source
            || users.Find(caller.Name) is not { } user
            || caller.TemplateValues.GetValueOrDefault(UpstreamUser.TemplateName(user.Upstream)) != user.RefreshToken
        )
        {
            return false;
        }

        await users.Drop(caller.Name);
        return true;
    }

    /// <summary>The same for one identity.</summary>
    public ValueTask<bool> Recall(string identity) =>
        usersOf is not null && identity.StartsWith(UpstreamUser.SubjectPrefix, StringComparison.Ordinal)
            ? users.Recall(identity[UpstreamUser.SubjectPrefix.Length..])
            : new(true);

    // A user's own refresh token opens the user's own account, whatever template it stands in. The user has no other account.
    public static ConfigCaller OfUpstream(UpstreamUser user) =>
        new(
            new()
            {
                Source = UpstreamUser.Source,
                Name = user.Name,
                Permissions = user.Permissions,
                TemplateValues = new Dictionary<string, string>(StringComparer.Ordinal)
                {
                    [UpstreamUser.TemplateName(user.Upstream)] = user.RefreshToken,
                },
                TokenEnd = user.End,
            },
            user.UserId,
            null
        );

    // What someone of an external issuer may do now, only a new token of that issuer could say: the claims alone bound it, and its issuer
    // still has to be in the config.
    private static Caller OfIssuer(string source, string name, IssuerOptions issuer) =>
        new()
        {
            Source = source,
            Name = name,
            Permissions = Permissions.Everything,
            Accounts = issuer.Accounts,
            TemplateValues = new Dictionary<string, string>(StringComparer.Ordinal) { [$"{source}:{issuer.NameClaim}"] = name },
        };
}
