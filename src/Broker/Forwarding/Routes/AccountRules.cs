using Broker.Configuration;
using Broker.UpstreamTokens;

namespace Broker.Forwarding;

/// <summary>Which accounts a route may go out with, and whether <c>Reach: account</c> may stand on it (rights.md 4, 5).</summary>
internal sealed class AccountRules
{
    public AccountRules(RouteMetadata metadata, Upstream? upstream, Snapshot candidate, bool isPublic, bool reachesAccount)
    {
        if (upstream is null)
        {
            // Of any other route it is told at its cluster.
            if (isPublic && metadata.Says("Account"))
            {
                metadata.Error(
                    "Account",
                    "names an account, and the route's cluster has no upstream in Broker:Upstreams.",
                    because: "Broker:Upstreams"
                );
            }

            return;
        }

        if (metadata["Account"] is { } name)
        {
            Own = upstream.Accounts.GetValueOrDefault(name);
            if (Own is null)
            {
                metadata.Error(
                    "Account",
                    $"is no account of {upstream.Name}: one of {string.Join(", ", upstream.Accounts.Keys)}.",
                    because: $"Broker:Upstreams:{upstream.Name}:Accounts"
                );
            }
        }

        // A public route goes out with a token only where it names the account itself.
        Shared = isPublic ? null : upstream.Accounts.GetValueOrDefault("default");
        if (isPublic && Own is { TemplateNames.Count: > 0 })
        {
            metadata.Error("Account", "is a template over the caller, and a public route has no caller.");
        }

        if (reachesAccount)
        {
            CheckOwnership(metadata, upstream, candidate);
        }
    }

    public Account? Own { get; }

    public Account? Shared { get; }

    private void CheckOwnership(RouteMetadata metadata, Upstream upstream, Snapshot candidate)
    {
        var byCaller = Named(candidate.Broker.Callers.Values.Select(caller => caller.Accounts), upstream);
        var byIssuer = Named(candidate.Broker.Issuers.Values.Select(issuer => issuer.Accounts), upstream);
        var used = Own is not null ? [Own] : byCaller.Concat(byIssuer).Append(Shared).OfType<Account>().Distinct();
        var isOwned = true;
        foreach (var account in used)
        {
            var isOneCallers =
                Own is null && account != Shared && byCaller.Count(other => other == account) == 1 && !byIssuer.Contains(account);
            if (!isOneCallers && !account.TemplateNames.Any(name => IsIdentity(name, candidate)))
            {
                isOwned = false;
                metadata.Error(
                    "Reach",
                    $"cannot be \"account\": the account '{account.Name}' of {upstream.Name} does not belong to one caller. "
                        + "Make it a template over the caller's identity, such as {user} or {issuer:sub}."
                );
            }
        }

        if (isOwned && new AccountUses(candidate).Clash(upstream, Own) is { } clash)
        {
            metadata.Error(
                "Reach",
                $"cannot be \"account\": {clash.One} and {clash.Two} may be one user of {upstream.Name}, by whatever names of accounts. "
                    + "Let each log in as another: a prefix such as corp-{corp:sub} keeps the callers of two sources apart."
            );
        }
    }

    private static List<Account> Named(IEnumerable<IReadOnlyDictionary<string, string>> choices, Upstream upstream) =>
        [
            .. choices
                .Select(accounts => accounts.GetValueOrDefault(upstream.Name))
                .Select(name => name is null ? null : upstream.Accounts.GetValueOrDefault(name))
                .OfType<Account>(),
        ];

    // Only what names the caller makes the account its own; a tenant or a group is shared by many.
    private static bool IsIdentity(string templateName, Snapshot candidate) =>
        templateName == "user" || candidate.Broker.Issuers.Any(issuer => templateName == $"{issuer.Key}:{issuer.Value.NameClaim}");
}
