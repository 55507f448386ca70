using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Broker.TokenService;

/// <summary>What an endpoint of the token service answers: a status, and JSON or nothing.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Body">Null for an empty body.</param>
/// <param name="Decision">What became of the request, in a word for the log.</param>
internal sealed record EndpointResult(int Status, JsonNode? Body, string Decision)
{
    // As the vendors write it: an apostrophe is an apostrophe. The type says JSON, so no browser takes it for a page.
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The scheme to ask for, with a 401.</summary>
    public string? Challenge { get; init; }

    public string? Allow { get; init; }

    /// <summary>Whether a client may cache it: tokens never, public keys and addresses for a while.</summary>
    public bool IsPublic { get; init; }

    /// <summary>
    /// Whether an empty body has a type: clients that read JSON alone (simple-oauth2) take an answer without one for a failure.
    /// </summary>
    public bool IsTyped { get; init; }

    public async Task Write(HttpContext context)
    {
        var response = context.Response;
        response.StatusCode = Status;
        response.Headers.CacheControl = IsPublic ? "public, max-age=300" : "no-store";
        if (!IsPublic)
        {
            response.Headers.Pragma = "no-cache"; // RFC 6749, 5.1: for caches that know no Cache-Control
        }

        if (RetryAfter is { } wait)
        {
            response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        if (Challenge is not null)
        {
            response.Headers.WWWAuthenticate = Challenge;
        }

        if (Allow is not null)
        {
            response.Headers.Allow = Allow;
        }

        var bytes = Body is null ? [] : Encoding.UTF8.GetBytes(Body.ToJsonString(Plain));
        response.ContentLength = bytes.Length;
        response.ContentType = Body is not null || IsTyped ? "application/json" : null;
        if (Body is not null)
        {
            response.Headers.XContentTypeOptions = "nosniff";
            await response.Body.WriteAsync(bytes, context.RequestAborted);
        }
        else
        {
            await response.StartAsync(context.RequestAborted); // an empty answer is the answer: nothing behind us writes another
        }
    }
}
