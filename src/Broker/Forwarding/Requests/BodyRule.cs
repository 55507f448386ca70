using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Broker.Forwarding;

/// <summary>Which bodies a route lets cross (rights.md 11).</summary>
internal enum BodyRule
{
    /// <summary>None on GET, HEAD and DELETE; JSON elsewhere.</summary>
    ByMethod,
    None,
    Json,
    Form,
    Any,
}

/// <summary>Judges a request's body by its type, and only when there is one.</summary>
internal static class BodyRules
{
    private const string UrlEncoded = "application/x-www-form-urlencoded";

    // RFC 6838, 4.2, and the '/' between type and subtype.
    private static readonly SearchValues<char> TypeCharacters = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&-^_.+/"
    );

    public static Refusal? Check(BodyRule rule, HttpContext context)
    {
        if (!HasBody(context))
        {
            return null;
        }

        var request = context.Request;
        request.Body = new CallerBody(request.BodyReader);
        if (rule == BodyRule.ByMethod)
        {
            var bodiless = request.Method is "GET" or "HEAD" or "DELETE";
            rule = bodiless ? BodyRule.None : BodyRule.Json;
        }

        if (rule == BodyRule.None)
        {
            return Refusal.NotAllowedHere("This route takes no body.");
        }

        var types = request.Headers.ContentType;
        var text = types.ToString();
        var isOne = types.Count <= 1 && !text.Contains(',', StringComparison.Ordinal);
        if (rule != BodyRule.Any && !isOne)
        {
            return Refusal.NotAllowedHere("The request names two Content-Types.");
        }

        var fits = rule switch
        {
            BodyRule.Any => true,
            BodyRule.Form => MediaType(text).Equals(UrlEncoded, StringComparison.OrdinalIgnoreCase),
            _ => string.IsNullOrWhiteSpace(text) || IsJson(MediaType(text)),
        };
        return fits
            ? Watch(request, Kinds(MediaType(text), isOne))
            : Refusal.NotAllowedHere(rule == BodyRule.Form ? "This route takes a form." : "This route takes JSON.");
    }

    public static bool HasBody(HttpContext context) => context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? false;

    /// <summary>From here on a body that has fields is looked into as it is read.</summary>
    private static Refusal? Watch(HttpRequest request, MethodOverrideKinds kinds)
    {
        if (kinds == MethodOverrideKinds.None)
        {
            return null;
        }

        if (
            request.Headers.ContentEncoding.Count > 0
            && !request.Headers.ContentEncoding.ToString().Equals("identity", StringComparison.OrdinalIgnoreCase)
        )
        {
            return Refusal.NotAllowedHere("A form or JSON may not be compressed: it has to be looked into.");
        }

        if (
            request.ContentType is { } type
            && type.Contains("charset", StringComparison.OrdinalIgnoreCase)
            && !NamesAsciiBasedCharset(type)
        )
        {
            return Refusal.NotAllowedHere("The charset of a form or JSON has to be UTF-8: it has to be looked into.");
        }

        request.Body = new MethodOverrideStream(request.Body, kinds);
        return null;
    }

    // Without a type some frameworks read a form (Rack); what is no clean type may be read as any.
    private static MethodOverrideKinds Kinds(ReadOnlySpan<char> type, bool isOne) =>
        type.IsEmpty ? MethodOverrideKinds.UrlEncoded | MethodOverrideKinds.Json
        : !isOne || type.ContainsAnyExcept(TypeCharacters)
            ? MethodOverrideKinds.UrlEncoded | MethodOverrideKinds.Multipart | MethodOverrideKinds.Json
        : IsJson(type) ? MethodOverrideKinds.Json
        : type.Equals(UrlEncoded, StringComparison.OrdinalIgnoreCase) ? MethodOverrideKinds.UrlEncoded
        : type.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase) ? MethodOverrideKinds.Multipart
        : MethodOverrideKinds.None;

    // Said once, where every reader finds the same: some look for "charset=" wherever it stands.
    private static bool NamesAsciiBasedCharset(string contentType)
    {
        const string Charset = "charset";
        if (
            contentType.IndexOf(Charset, StringComparison.OrdinalIgnoreCase)
                != contentType.LastIndexOf(Charset, StringComparison.OrdinalIgnoreCase)
            || !MediaTypeHeaderValue.TryParse(contentType, out var type)
        )
        {
            return false;
        }

        var name = type.Charset.AsSpan().Trim('"');
        return name.Equals("utf-8", StringComparison.OrdinalIgnoreCase)
            || name.Equals("utf8", StringComparison.OrdinalIgnoreCase)
            || name.Equals("us-ascii", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith("iso-8859-", StringComparison.OrdinalIgnoreCase)
            || name.StartsWith("windows-125", StringComparison.OrdinalIgnoreCase);
    }

    // One clean type: an upstream that stops at a blank would read a form in "application/x-www-form-urlencoded x+json".
    private static bool IsJson(ReadOnlySpan<char> type) =>
        type.Equals("application/json", StringComparison.OrdinalIgnoreCase)
        || (type.EndsWith("+json", StringComparison.OrdinalIgnoreCase) && type.IndexOf('/') > 0 && !type.ContainsAnyExcept(TypeCharacters));

    private static ReadOnlySpan<char> MediaType(ReadOnlySpan<char> contentType)
    {
        var end = contentType.IndexOf(';');
        return (end < 0 ? contentType : contentType[..end]).Trim();
    }
}
