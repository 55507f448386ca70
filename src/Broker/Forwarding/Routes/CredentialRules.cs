using Broker.Credentials;

namespace Broker.Forwarding;

/// <summary>What a route says about the credential itself: when it ends what is open, and whether the query may hold it.</summary>
internal sealed class CredentialRules
{
    public CredentialRules(RouteMetadata metadata, bool isPublic, CredentialKinds accepted, IReadOnlyCollection<string> selectedQuery)
    {
        FinishesAtExpiry = metadata.Word("AtExpiry", "Close", "Finish") == "Finish";
        TakesQueryCredential = metadata.Word("QueryCredential", "Refuse", "Allow") == "Allow";
        foreach (var key in isPublic ? new[] { "AtExpiry", "QueryCredential" } : [])
        {
            if (metadata.Says(key))
            {
                metadata.Error(key, "says something about a credential, and this route is public: it takes none. Remove it.");
            }
        }

        if (!TakesQueryCredential)
        {
            return;
        }

        metadata.Warning(
            "QueryCredential",
            $"lets a token stand in the query ('{BrowserCredential.QueryName}'): proxies before the broker and browsers keep addresses. "
                + "Give such tokens a short life."
        );
        if ((accepted & (CredentialKinds.Token | CredentialKinds.Issuer)) == 0)
        {
            metadata.Error("QueryCredential", "is for tokens, and Credentials lists neither Token nor Issuer: remove one of the two.");
        }

        if (metadata["Cache"] == "Upstream")
        {
            metadata.Error(
                "QueryCredential",
                "stands beside \"Cache\": \"Upstream\": a cache would keep the answer under an address with a token. Remove one of the two."
            );
        }

        var listed = (metadata["Query"] ?? "").Split(',', StringSplitOptions.TrimEntries);
        if (listed.Concat(selectedQuery).Contains(BrowserCredential.QueryName, StringComparer.OrdinalIgnoreCase))
        {
            metadata.Error(
                "QueryCredential",
                $"makes '{BrowserCredential.QueryName}' the credential, which does not cross: take it out of Query and the selectors."
            );
        }
    }

    /// <summary>A transfer that has an end of its own goes on after the mere expiry of its token.</summary>
    public bool FinishesAtExpiry { get; }

    /// <summary>A bearer token may stand in the query.</summary>
    public bool TakesQueryCredential { get; }
}
