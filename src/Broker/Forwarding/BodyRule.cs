using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

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
    // RFC 6838, 4.2, and the '/' between type and subtype.
    private static readonly SearchValues<char> TypeCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&-^_.+/");

    public static Refusal? Check(BodyRule rule, HttpContext context)
    {
        if (rule == BodyRule.Any || !HasBody(context))
        {
            return null;
        }

        var request = context.Request;
        if (rule == BodyRule.ByMethod)
        {
            var bodiless = HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsDelete(request.Method);
            rule = bodiless ? BodyRule.None : BodyRule.Json;
        }

        if (rule == BodyRule.None)
        {
            return Refusal.NotAllowedHere("This route takes no body.");
        }

        var types = request.Headers.ContentType;
        var text = types.ToString();
        if (types.Count > 1 || text.Contains(',', StringComparison.Ordinal))
        {
            return Refusal.NotAllowedHere("The request names two Content-Types.");
        }

        var fits = rule == BodyRule.Form
            ? MediaType(text).Equals("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase)
            : string.IsNullOrWhiteSpace(text) || IsJson(MediaType(text));
        return fits ? null : Refusal.NotAllowedHere(rule == BodyRule.Form ? "This route takes a form." : "This route takes JSON.");
    }

    public static bool HasBody(HttpContext context) => context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? false;

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
