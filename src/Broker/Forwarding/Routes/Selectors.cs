using Broker.Operations;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.WebUtilities;
using Policies;

namespace Broker.Forwarding;

/// <summary>Reads the ids of a demand from a request (rights.md 7, 8): no id, an empty one, or one that stands twice is refused.</summary>
internal sealed class Selectors
{
    private readonly Selector? network;
    private readonly Selector? deviceType;
    private readonly Selector? device;
    private readonly Reach unnamed;
    private readonly string? action;

    /// <summary>A demand that names ids.</summary>
    public Selectors(string? action, Selector? network, Selector? deviceType, Selector? device)
    {
        (this.action, this.network, this.deviceType, this.device) = (action, network, deviceType, device);
        unnamed = Reach.All;
    }

    /// <summary>A demand that names none: <c>Reach</c> says what is reached.</summary>
    public Selectors(string? action, Reach everywhere)
    {
        this.action = action;
        unnamed = everywhere;
    }

    public IEnumerable<Selector> All => new[] { network, deviceType, device }.OfType<Selector>();

    /// <summary>What this request needs.</summary>
    public Refusal? Read(HttpContext context, out Demand demand)
    {
        demand = default;
        if (Read(device, context, out var devices) is { } deviceRefusal)
        {
            return deviceRefusal;
        }

        if (Read(network, context, out var networks) is { } networkRefusal)
        {
            return networkRefusal;
        }

        if (Read(deviceType, context, out var types) is { } typeRefusal)
        {
            return typeRefusal;
        }

        if (devices is not null)
        {
            // A named device may lie anywhere: a network named beside it is the caller's word for it, and only the config's counts
            // (rights.md 2).
            networks = network?.Kind == SelectorKind.Const ? networks : null;
            types = deviceType?.Kind == SelectorKind.Const ? types : null;
        }

        demand = new(action, networks ?? unnamed, types ?? unnamed, devices ?? unnamed);
        return null;
    }

    private static Refusal? Read(Selector? selector, HttpContext context, out Reach? reached)
    {
        reached = null;
        return selector?.Kind switch
        {
            null => null,
            SelectorKind.Const => One(selector, selector.Name, ref reached),
            SelectorKind.Route => One(selector, context.GetRouteValue(selector.Name) as string, ref reached),
            SelectorKind.Header => ReadHeader(selector, context, ref reached),
            SelectorKind.Query or SelectorKind.QueryList => ReadQuery(selector, context, ref reached),
            _ => throw new InvalidOperationException($"Selector {selector} does not load."),
        };
    }

    private static Refusal? One(Selector selector, string? id, ref Reach? reached)
    {
        if (string.IsNullOrWhiteSpace(id))
        {
            return Missing(selector);
        }

        reached = Reach.One(id);
        return null;
    }

    private static Refusal? ReadHeader(Selector selector, HttpContext context, ref Reach? reached)
    {
        var values = context.Request.Headers[selector.Name];
        if (values.Count == 0 && selector.IsOptional)
        {
            return null;
        }

        // A list in one header is two values as well (RFC 9110, 5.3).
        if (values.Count > 1 || values.ToString().Contains(',', StringComparison.Ordinal))
        {
            return Twice(selector);
        }

        return FieldRule.TextOf(values.ToString()) is { } id
            ? One(selector, id, ref reached)
            : Refusal.BadRequest($"The id in {Place(selector)} is no UTF-8.");
    }

    private static Refusal? ReadQuery(Selector selector, HttpContext context, ref Reach? reached)
    {
        string? found = null;
        foreach (var pair in new QueryStringEnumerable(context.Request.QueryString.Value))
        {
            var name = pair.DecodeName().Span;
            if (!IsSpelling(name.Trim(), selector.Name))
            {
                continue;
            }

            // Another spelling of the name may be the same one to the upstream.
            if (found is not null || !name.Equals(selector.Name, StringComparison.Ordinal))
            {
                return Twice(selector);
            }

            if (!Escapes.AreUtf8(pair.EncodedValue.Span))
            {
                return Refusal.BadRequest($"The id in {Place(selector)} holds an escape that can be read in two ways.");
            }

            found = pair.DecodeValue().ToString();
        }

        if (found is null)
        {
            return selector.IsOptional ? null : Missing(selector);
        }

        return selector.Kind == SelectorKind.Query ? One(selector, found, ref reached) : Many(selector, found, ref reached);
    }

    // UserId, userid, userId[], UserId[0]
    public static bool IsSpelling(ReadOnlySpan<char> name, string selected) =>
        name.StartsWith(selected, StringComparison.OrdinalIgnoreCase) && (name.Length == selected.Length || name[selected.Length] == '[');

    private static Refusal? Many(Selector selector, string list, ref Reach? reached)
    {
        var ids = list.Split(',');
        if (ids.Any(string.IsNullOrWhiteSpace))
        {
            return Missing(selector);
        }

        reached = Reach.These(ids);
        return null;
    }

    private static Refusal Missing(Selector selector) =>
        Refusal.BadRequest($"The request names no id in {Place(selector)}, or an empty one.");

    private static Refusal Twice(Selector selector) =>
        Refusal.AmbiguousId($"The request names the id in {Place(selector)} more than once, or in another spelling.");

    private static string Place(Selector selector) =>
        $"{(selector.Kind == SelectorKind.QueryList ? "query" : selector.Kind.ToString().ToLowerInvariant())} '{selector.Name}'";
}
