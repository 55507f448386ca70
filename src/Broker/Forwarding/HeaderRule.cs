using System.Collections.Frozen;
using Broker.Credentials;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Broker.Forwarding;

/// <summary>Which request headers may cross (rights.md 11 to 13): nothing that the caller says about itself, no credential, no id that was not looked at.</summary>
internal sealed class HeaderRule
{
    // Cookie is taken off where the upstream's request is made: YARP's session affinity reads it before.
    private static readonly string[] NeverCross =
    [
        "Forwarded", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Host", "X-Rewrite-URL", "X-Scheme",
        "X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method",
    ];

    private static readonly string[] Prefixes = ["X-Forwarded-", "X-Original-", "Proxy-"];

    private readonly FrozenSet<string> dropped;

    /// <param name="idHeaders">The upstream's headers that carry ids.</param>
    /// <param name="selected">Those that the route's selectors read.</param>
    /// <param name="tokenHeaders">Where tokens for the upstream stand.</param>
    public HeaderRule(IEnumerable<string> idHeaders, IEnumerable<string> selected, IEnumerable<string> tokenHeaders) =>
        dropped = NeverCross.Concat(CredentialTable.HeaderNames).Concat(tokenHeaders)
            .Concat(idHeaders.Except(selected, StringComparer.OrdinalIgnoreCase))
            .ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Takes off what may not cross. To be called after the credential was read and before an id is.</summary>
    public Refusal? Apply(IHeaderDictionary headers)
    {
        if (headers.Connection.Count > 0)
        {
            DropNamedByConnection(headers);
        }

        List<string>? drop = null;
        foreach (var (name, _) in headers)
        {
            if (MayNotCross(name))
            {
                if (IsMethodOverride(name))
                {
                    return Refusal.NotAllowedHere($"The header {name} could change the method: it is not allowed.");
                }

                (drop ??= []).Add(name);
            }
        }

        foreach (var name in drop ?? [])
        {
            headers.Remove(name);
        }

        return null;
    }

    private bool MayNotCross(string name)
    {
        if (dropped.Contains(name) || name.Contains('_', StringComparison.Ordinal))
        {
            return true;
        }

        if (name[0] is not ('X' or 'x' or 'P' or 'p'))
        {
            return false;
        }

        foreach (var prefix in Prefixes)
        {
            if (name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsMethodOverride(string name) =>
        name.Replace('_', '-') is var plain
        && (plain.Equals("X-HTTP-Method-Override", StringComparison.OrdinalIgnoreCase)
            || plain.Equals("X-Method-Override", StringComparison.OrdinalIgnoreCase)
            || plain.Equals("X-HTTP-Method", StringComparison.OrdinalIgnoreCase));

    // Hop-by-hop headers end here (RFC 9110, 7.6.1), those that Connection names among them; YARP drops the standard ones.
    private static void DropNamedByConnection(IHeaderDictionary headers)
    {
        foreach (var value in new StringValues(headers.Connection.ToArray()))
        {
            foreach (var named in (value ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                if (!named.Equals("Upgrade", StringComparison.OrdinalIgnoreCase) && !named.Equals("Connection", StringComparison.OrdinalIgnoreCase))
                {
                    headers.Remove(named);
                }
            }
        }
    }
}
