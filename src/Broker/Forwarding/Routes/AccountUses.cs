using Broker.Configuration;
using Broker.UpstreamTokens;

namespace Broker.Forwarding;

/// <summary>Who goes out as which user of an upstream: two accounts, of one upstream or of two, may be one user there.</summary>
internal sealed class AccountUses(Snapshot candidate)
{
    /// <summary>Two callers who would be one user on a route of this upstream; null when each is its own.</summary>
    /// <param name="upstream">The route's.</param>
    /// <param name="own">The account that the route names, if it does.</param>
    public (string One, string Two)? Clash(Upstream upstream, Account? own)
    {
        var here = Of(upstream, own).ToList();
        List<Use> all =
        [
            .. here,
            .. candidate
                .Part<UpstreamTable>()
                .ByName.Values.Where(other => own is not null || other != upstream)
                .SelectMany(other => Of(other, null)),
        ];
        var byKey = all.Where(use => use.Issuer is null)
            .SelectMany(use => use.Keys.Select(key => (key, use.Who)))
            .ToLookup(pair => pair.key, pair => pair.Who);
        foreach (var use in here)
        {
            var others = use.Issuer is null ? use.Keys.SelectMany(key => byKey[key]).FirstOrDefault(who => who != use.Who) : null;
            others ??= all.Where(other => use.Issuer is not null || other.Issuer is not null)
                .FirstOrDefault(other => AreOne(use, other))
                ?.Who;
            if (others is not null)
            {
                return (use.Who, others);
            }
        }

        return null;
    }

    /// <summary>At least one of the two stands for many callers, whose values nobody knows yet.</summary>
    private bool AreOne(Use one, Use two)
    {
        if (!one.User.MayMeet(two.User))
        {
            return false;
        }

        // One source and one writing: as many users as callers, if what names the caller is in it.
        var identity = one.Issuer is null ? null : $"{one.Issuer}:{candidate.Broker.Issuers[one.Issuer].NameClaim}";
        return one.Issuer != two.Issuer || !one.User.IsWrittenAs(two.User) || !one.Names.Contains(identity);
    }

    private IEnumerable<Use> Of(Upstream upstream, Account? own)
    {
        Account? Chosen(IReadOnlyDictionary<string, string> accounts) =>
            own ?? upstream.Accounts.GetValueOrDefault(accounts.GetValueOrDefault(upstream.Name) ?? "default");

        foreach (var (name, caller) in candidate.Broker.Callers)
        {
            if (Chosen(caller.Accounts) is { } account && account.User.For(new Dictionary<string, string> { ["user"] = name }) is { } user)
            {
                yield return new($"key:{name}", null, user, [], [.. user.Keys(account.User.HasHolesBesides)]);
            }
        }

        foreach (var (name, issuer) in candidate.Broker.Issuers)
        {
            if (
                Chosen(issuer.Accounts) is { } account
                && account.TemplateNames.All(hole => hole.StartsWith($"{name}:", StringComparison.Ordinal))
            )
            {
                yield return new($"a caller of {name}", name, account.User, account.TemplateNames, []);
            }
        }
    }

    /// <param name="Who">The caller, in words.</param>
    /// <param name="Issuer">The external issuer whose callers these are; null for one caller of the config.</param>
    /// <param name="User">Who it is at the upstream.</param>
    /// <param name="Names">The holes that its values fill.</param>
    /// <param name="Keys">Under which it is looked for, without holes.</param>
    private sealed record Use(string Who, string? Issuer, AccountUser User, IReadOnlyList<string> Names, IReadOnlyList<string> Keys);
}
