using System.Net;
using Broker.Credentials;
using Microsoft.AspNetCore.Http;

namespace Broker.Forwarding;

/// <summary>
/// What the upstream is told of where a request comes from: the broker's own word, and before it that of the proxies that the config
/// trusts.
/// </summary>
/// <param name="For">The addresses that they saw; null for none.</param>
/// <param name="Proto">How the caller spoke to them; null where they do not say.</param>
internal sealed record ForwardedBy(string? For, string? Proto)
{
    /// <summary>What a trusted proxy says; null of anybody else, whose word does not count.</summary>
    public static ForwardedBy? Of(HttpContext context, TrustedProxies proxies)
    {
        if (!proxies.IsProxy(context.Connection.RemoteIpAddress))
        {
            return null;
        }

        var headers = context.Request.Headers;
        var proto = headers["X-Forwarded-Proto"].ToString();
        return new(
            TrustedProxies.HopsOf(headers) is { Count: > 0 } hops ? string.Join(", ", hops) : null,
            proto is "http" or "https" ? proto : null
        );
    }

    public static void PutOn(HttpRequestMessage request, HttpContext context, ForwardedBy? before)
    {
        if (context.Connection.RemoteIpAddress is { } peer)
        {
            var address = (peer.IsIPv4MappedToIPv6 ? peer.MapToIPv4() : peer).ToString();
            Set(request, "X-Forwarded-For", before?.For is { } hops ? $"{hops}, {address}" : address);
        }

        Set(request, "X-Forwarded-Proto", before?.Proto ?? context.Request.Scheme);
    }

    private static void Set(HttpRequestMessage request, string name, string value)
    {
        request.Headers.Remove(name);
        request.Headers.TryAddWithoutValidation(name, value);
    }
}
