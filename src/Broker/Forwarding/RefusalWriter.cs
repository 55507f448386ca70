using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Broker.Forwarding;

/// <summary>
/// A refusal on the wire: problem+json (RFC 9457) with the members <c>error</c> and <c>message</c> that DeviceHive's clients read.
/// </summary>
internal static class RefusalWriter
{
    public static async Task Write(HttpContext context, Refusal refusal, string? traceId = null)
    {
        var response = context.Response;
        var allow = response.Headers.Allow; // routing's own answer to "which methods?"
        response.Clear();
        response.StatusCode = refusal.Status;
        response.Headers.CacheControl = "no-store";
        response.ContentType = "application/problem+json";
        if (refusal.Status == StatusCodes.Status405MethodNotAllowed)
        {
            response.Headers.Allow = allow;
        }

        if (Challenge(refusal) is { } challenge)
        {
            response.Headers.WWWAuthenticate = challenge;
        }

        if (refusal.RetryAfter is { } wait)
        {
            var seconds = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds));
            response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        if (refusal.Limit is { } limit)
        {
            response.Headers["X-RateLimit-Limit"] = limit.ToString(CultureInfo.InvariantCulture);
            response.Headers["X-RateLimit-Remaining"] = "0";
            response.Headers["X-RateLimit-Reset"] = response.Headers.RetryAfter; // seconds, as RateLimit-Reset counts
        }

        var body = Body(refusal, traceId);
        response.ContentLength = body.Length;
        if (context.Request.Method != "HEAD")
        {
            await response.Body.WriteAsync(body, context.RequestAborted);
        }
    }

    /// <summary>RFC 6750, 3: a request without any credential gets the bare challenge.</summary>
    private static string? Challenge(Refusal refusal) =>
        (refusal.Status, refusal.Code) switch
        {
            (401, "credential-missing") => "Bearer",
            (401, "token-expired") => "Bearer error=\"invalid_token\", error_description=\"Token expired\"",
            (401, _) => "Bearer error=\"invalid_token\"",
            (403, _) => "Bearer error=\"insufficient_scope\"",
            _ => null,
        };

    private static ReadOnlyMemory<byte> Body(Refusal refusal, string? traceId)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteString("type", "about:blank");
        json.WriteString("title", Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(refusal.Status));
        json.WriteNumber("status", refusal.Status);
        json.WriteString("code", refusal.Code);
        json.WriteNumber("error", refusal.Status);
        json.WriteString("message", refusal.Message);
        if (traceId is not null)
        {
            json.WriteString("traceId", traceId); // what to look for in the log
        }

        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }
}
