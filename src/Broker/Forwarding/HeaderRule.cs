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
        "Forwarded", "Proxy", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Host", "X-Rewrite-URL", "X-Scheme",
        "X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method",
        "X-Content-Length", // what Kestrel makes of a Content-Length beside Transfer-Encoding
    ];

    private static readonly string[] Prefixes = ["X-Forwarded-", "X-Original-", "Proxy-"];

    private readonly FrozenSet<string> dropped;
    private readonly FrozenSet<string> selected;

    /// <param name="idHeaders">The upstream's headers that carry ids.</param>
    /// <param name="selected">Those that the route's selectors read.</param>
    /// <param name="tokenHeaders">Where tokens for the upstream stand.</param>
    public HeaderRule(IEnumerable<string> idHeaders, IEnumerable<string> selected, IEnumerable<string> tokenHeaders)
    {
        this.selected = selected.ToFrozenSet(StringComparer.OrdinalIgnoreCase);
        dropped = NeverCross.Concat(CredentialTable.HeaderNames).Concat(tokenHeaders)
            .Concat(idHeaders.Except(this.selected, StringComparer.OrdinalIgnoreCase))
            .ToFrozenSet(StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>Takes off what may not cross. To be called after the credential was read and before an id is.</summary>
    public Refusal? Apply(IHeaderDictionary headers)
    {
        var hopByHop = headers.Connection.Count > 0 ? NamedByConnection(headers.Connection) : null;
        if (hopByHop?.FirstOrDefault(selected.Contains) is { } id)
        {
            // Dropped as hop-by-hop, the id would be read as one that was never named.
            return Refusal.NotAllowedHere($"Connection names the header {selected.First(name => name.Equals(id, StringComparison.OrdinalIgnoreCase))}, which carries an id.");
        }

        List<string>? drop = null;
        foreach (var (name, _) in headers)
        {
            if (MayNotCross(name) || hopByHop?.Contains(name, StringComparer.OrdinalIgnoreCase) == true)
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

    /// <summary>Whether some frameworks take the method from this header, in any spelling.</summary>
    public static bool IsMethodOverride(string name) =>
        name.Replace('_', '-') is var plain
        && (plain.Equals("X-HTTP-Method-Override", StringComparison.OrdinalIgnoreCase)
            || plain.Equals("X-Method-Override", StringComparison.OrdinalIgnoreCase)
            || plain.Equals("X-HTTP-Method", StringComparison.OrdinalIgnoreCase));

    // Hop-by-hop headers end here (RFC 9110, 7.6.1), those that Connection names among them (see ConnectionHeader); YARP drops the standard ones.
    private static List<string>? NamedByConnection(StringValues connection)
    {
        List<string>? named = null;
        foreach (var value in connection)
        {
            foreach (var range in value.AsSpan().Split(','))
            {
                var option = value.AsSpan(range).Trim();
                if (!option.IsEmpty && !IsOfTheConnectionItself(option))
                {
                    (named ??= []).Add(option.ToString());
                }
            }
        }

        return named;
    }

    private static bool IsOfTheConnectionItself(ReadOnlySpan<char> option) =>
        option.Equals("keep-alive", StringComparison.OrdinalIgnoreCase) || option.Equals("close", StringComparison.OrdinalIgnoreCase)
        || option.Equals("Upgrade", StringComparison.OrdinalIgnoreCase) || option.Equals("Connection", StringComparison.OrdinalIgnoreCase);
}
