using System.Text;
using Broker.Credentials;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Broker.Forwarding;

/// <summary>The credential of a browser's WebSocket or EventSource, which can set no header: a subprotocol, or a query name.</summary>
/// <remarks>
/// It is taken off before anything else looks at the request, whether it counts here or not: it crosses to no upstream, and stands in no
/// log and no trace.
/// <code>
/// Sec-WebSocket-Protocol: chat, bearer.eyJh...   -->   Sec-WebSocket-Protocol: chat    of a WebSocket's handshake only
/// GET /events?access_token=eyJh...&amp;x=1           -->   GET /events?x=1    where the route says "QueryCredential": "Allow"
/// </code>
/// </remarks>
internal static class BrowserCredential
{
    /// <summary>The name in the query (RFC 6750, 2.3).</summary>
    public const string QueryName = "access_token";

    private const string Prefix = "bearer.";
    private const string Marker = "bearer";

    /// <summary>Takes off what is found; the refusal where it may not stand.</summary>
    public static Refusal? Take(HttpContext context, BrokeredRequest passage, out ShownCredential shown)
    {
        shown = default;
        if (context.Request.Headers.SecWebSocketProtocol.Count > 0)
        {
            shown = TakeSubprotocol(context, passage);
        }

        var route = passage.Route!;
        if (!route.TakesQueryCredential && !route.Query.IsAny)
        {
            return null; // the name is one like any other, and may cross only where the route lists it
        }

        var inQuery = TakeQuery(context);
        if (inQuery.Place == CredentialPlace.Nowhere)
        {
            return null;
        }

        shown = shown.And(inQuery);
        return route.TakesQueryCredential
            ? null
            : Refusal.NotAllowedHere($"This route takes no credential in the query: send '{QueryName}' as a header.");
    }

    /// <summary>What a handshake's answer says where the upstream chose no subprotocol: browsers fail a WebSocket without one.</summary>
    public static void Answer(HttpContext context, BrokeredRequest passage)
    {
        var headers = context.Response.Headers;
        if (passage.AnswersProtocol is { } protocol && headers.SecWebSocketProtocol.Count == 0)
        {
            headers.SecWebSocketProtocol = protocol;
        }
    }

    private static ShownCredential TakeSubprotocol(HttpContext context, BrokeredRequest passage)
    {
        var shown = default(ShownCredential);
        var (own, marker) = ((string?)null, (string?)null);
        var others = new List<string>();
        foreach (var value in context.Request.Headers.SecWebSocketProtocol)
        {
            foreach (var item in (value ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                if (item.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
                {
                    own = item;
                    shown = shown.And(new(item[Prefix.Length..], CredentialPlace.Subprotocol));
                }
                else if (item == Marker)
                {
                    marker = item;
                }
                else
                {
                    others.Add(item);
                }
            }
        }

        if (own is null)
        {
            return default;
        }

        context.Request.Headers.Remove("Sec-WebSocket-Protocol");
        if (others.Count > 0)
        {
            context.Request.Headers.SecWebSocketProtocol = string.Join(", ", others);
        }

        if (!passage.IsHandshake)
        {
            return default; // no WebSocket: it is taken off, and counts for nothing
        }

        passage.AnswersProtocol = marker ?? own;
        return shown;
    }

    private static ShownCredential TakeQuery(HttpContext context)
    {
        var query = context.Request.QueryString;
        var shown = default(ShownCredential);
        if (!query.HasValue || query.Value!.Length <= 1)
        {
            return shown;
        }

        var rest = new StringBuilder();
        var text = query.Value.AsSpan(1);
        foreach (var range in text.Split('&'))
        {
            var pair = text[range];
            var equals = pair.IndexOf('=');
            if (IsName(equals < 0 ? pair : pair[..equals]))
            {
                shown = shown.And(new(Uri.UnescapeDataString(equals < 0 ? "" : pair[(equals + 1)..]), CredentialPlace.Query));
            }
            else
            {
                rest.Append(rest.Length == 0 ? '?' : '&').Append(pair);
            }
        }

        if (shown.Place != CredentialPlace.Nowhere)
        {
            context.Request.QueryString = new(rest.ToString());
            var raw = context.Features.GetRequiredFeature<IHttpRequestFeature>();
            var at = raw.RawTarget.IndexOf('?', StringComparison.Ordinal);
            raw.RawTarget = at < 0 ? raw.RawTarget : raw.RawTarget[..at] + rest;
        }

        return shown;
    }

    private static bool IsName(ReadOnlySpan<char> name) =>
        name.Length >= QueryName.Length
        && (name.Contains('%') ? Uri.UnescapeDataString(name) : name).Equals(QueryName, StringComparison.OrdinalIgnoreCase);
}
