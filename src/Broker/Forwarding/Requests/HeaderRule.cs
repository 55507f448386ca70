using System.Collections.Frozen;
using Broker.Credentials;
using Broker.Operations;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Broker.Forwarding;

/// <summary>
/// Which request headers may cross (rights.md 11 to 13): nothing that the caller says about itself, no credential, no id that was not
/// looked at.
/// </summary>
internal sealed class HeaderRule
{
    private const int MostOptions = 32;

    // With an allow-list these cross all the same: without them the upstream could not read the body, the stream or the handshake.
    private static readonly string[] AlwaysAllowed =
    [
        "Content-Type",
        "Content-Encoding",
        "grpc-encoding",
        "grpc-accept-encoding",
        "grpc-timeout",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
    ];

    // What ordinary requests carry is judged at load.
    // csharpier-ignore
    private static readonly string[] Ordinary =
    [
        "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Connection",
        "Content-Length", "Content-Type", "Content-Encoding", "Cookie", "DNT", "Expect", "Host", "If-Match", "If-Modified-Since",
        "If-None-Match", "Keep-Alive", "Origin", "Pragma", "Priority", "Range", "Referer", "Sec-CH-UA", "Sec-CH-UA-Mobile",
        "Sec-CH-UA-Platform", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "TE", "traceparent",
        "tracestate", "Transfer-Encoding", "Upgrade", "Upgrade-Insecure-Requests", "User-Agent", "X-Api-Key", "X-Requested-With",
        "X-Request-ID", "X-Correlation-ID", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "grpc-timeout",
        "grpc-encoding", "grpc-accept-encoding",
    ];

    private readonly FrozenDictionary<string, bool> ordinary;
    private readonly FrozenSet<string> dropped;
    private readonly FrozenSet<string> selected;
    private readonly FrozenSet<string> named;
    private readonly string[] decisive;
    private readonly bool isAllowList;

    /// <param name="idHeaders">The upstream's headers that carry ids.</param>
    /// <param name="selected">Those that the route's selectors read.</param>
    /// <param name="tokenHeaders">Where tokens for the upstream stand.</param>
    /// <param name="matched">Those that the route matches on.</param>
    /// <param name="decisive">Those of them whose value chose the route.</param>
    /// <param name="allowed">None but these may cross; null where there is no such list.</param>
    public HeaderRule(
        IReadOnlyCollection<string> idHeaders,
        IReadOnlyCollection<string> selected,
        IEnumerable<string> tokenHeaders,
        IEnumerable<string>? matched = null,
        IEnumerable<string>? decisive = null,
        IReadOnlyCollection<string>? allowed = null
    )
    {
        this.selected = selected.ToFrozenSet(StringComparer.OrdinalIgnoreCase);
        this.decisive = [.. decisive ?? []];
        isAllowList = allowed is not null;
        named = (allowed ?? [])
            .Concat(matched ?? [])
            .Concat(selected.Intersect(idHeaders, StringComparer.OrdinalIgnoreCase))
            .Concat(isAllowList ? selected : [])
            .Concat(isAllowList ? AlwaysAllowed : [])
            .ToFrozenSet(StringComparer.OrdinalIgnoreCase);
        dropped = CredentialTable
            .HeaderNames.Concat(tokenHeaders)
            .Concat(idHeaders.Except(this.selected, StringComparer.OrdinalIgnoreCase))
            .ToFrozenSet(StringComparer.OrdinalIgnoreCase);
        ordinary = Ordinary.ToFrozenDictionary(name => name, Stays, StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>Whether the caller's header of this name reaches the upstream as it came.</summary>
    public bool Crosses(string name) => RequestHeaderKinds.Of(name) != RequestHeaderKind.Held && Stays(name);

    /// <summary>Takes off what may not cross. To be called after the credential was read and before an id is.</summary>
    public Refusal? Apply(IHeaderDictionary headers)
    {
        var hopByHop = headers.Connection.Count > 0 ? NamedByConnection(headers.Connection) : null;
        if (hopByHop?.Count > MostOptions)
        {
            return Refusal.NotAllowedHere("Connection names too many headers.");
        }

        if (hopByHop?.FirstOrDefault(selected.Contains) is { } id)
        {
            // Dropped as hop-by-hop, the id would be read as one that was never named.
            return Refusal.NotAllowedHere(
                $"Connection names the header {selected.First(name => name.Equals(id, StringComparison.OrdinalIgnoreCase))}, which "
                    + "carries an id."
            );
        }

        foreach (var name in decisive)
        {
            if (headers[name].Count > 1)
            {
                // the upstream may read another one
                return Refusal.AmbiguousId($"The header {name} stands more than once, and the route is chosen by it.");
            }
        }

        List<string>? drop = null;
        foreach (var (name, values) in headers)
        {
            if (!FieldRule.IsClean(values))
            {
                return Refusal.BadRequest($"The header {name} holds a control character.");
            }

            if (
                (ordinary.TryGetValue(name, out var stays) ? stays : Stays(name))
                && hopByHop?.Contains(name, StringComparer.OrdinalIgnoreCase) != true
            )
            {
                continue;
            }

            if (RequestHeaderKinds.IsMethodOverride(name))
            {
                return Refusal.NotAllowedHere($"The header {name} could change the method: it is not allowed.");
            }

            (drop ??= []).Add(name);
        }

        foreach (var name in drop ?? [])
        {
            headers.Remove(name);
        }

        return null;
    }

    // What is held stays for the server and the proxy, which see to it.
    private bool Stays(string name) =>
        !dropped.Contains(name)
        && RequestHeaderKinds.Of(name) switch
        {
            RequestHeaderKind.Held => true,
            RequestHeaderKind.Plain => !isAllowList || named.Contains(name),
            RequestHeaderKind.Listed => named.Contains(name),
            _ => false,
        };

    // Hop-by-hop headers end here (RFC 9110, 7.6.1), those that Connection names among them (see ConnectionHeader); YARP drops the standard
    // ones.
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
        option.Equals("keep-alive", StringComparison.OrdinalIgnoreCase)
        || option.Equals("close", StringComparison.OrdinalIgnoreCase)
        || option.Equals("Upgrade", StringComparison.OrdinalIgnoreCase)
        || option.Equals("Connection", StringComparison.OrdinalIgnoreCase);
}
