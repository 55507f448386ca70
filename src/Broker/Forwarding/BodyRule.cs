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
        if (types.Count > 1)
        {
            return Refusal.NotAllowedHere("The request has two Content-Type headers.");
        }

        var type = MediaType(types.Count == 0 ? "" : types[0] ?? "");
        var fits = rule == BodyRule.Form
            ? type.Equals("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase)
            : type.IsEmpty || type.Equals("application/json", StringComparison.OrdinalIgnoreCase) || type.EndsWith("+json", StringComparison.OrdinalIgnoreCase);
        return fits ? null : Refusal.NotAllowedHere(rule == BodyRule.Form ? "This route takes a form." : "This route takes JSON.");
    }

    public static bool HasBody(HttpContext context) => context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? false;

    private static ReadOnlySpan<char> MediaType(ReadOnlySpan<char> contentType)
    {
        var end = contentType.IndexOf(';');
        return (end < 0 ? contentType : contentType[..end]).Trim();
    }
}
