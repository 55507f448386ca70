using System.Collections.Frozen;
using System.Diagnostics;
using System.IO.Pipelines;
using Broker.Configuration;
using Broker.Credentials;
using Broker.Limits;
using Broker.Operations;
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Broker.TokenService;

/// <summary>One endpoint of the broker's own.</summary>
internal sealed record TokenServiceEndpoint(string Method, string Path, Func<HttpContext, EndpointLogEntry, Task<EndpointResult>> Answer)
{
    /// <summary>The part of the path that is the broker's whole: a forwarded route that spells it out would never be reached.</summary>
    public required string Root { get; init; }

    /// <summary>It answers at once, to anybody, out of memory: no bound on strangers counts it.</summary>
    public bool AnswersAtOnce { get; init; }

    /// <summary>The CORS policy by which pages of other origins may ask; null is none.</summary>
    public string? Cors { get; init; }

    /// <summary>How this family of endpoints says no: status, words for a person, a word for the log.</summary>
    public required Func<int, string, string, EndpointResult> Refuse { get; init; }
}

/// <summary>The endpoints of one snapshot, by path.</summary>
internal sealed class TokenServiceEndpointTable(IEnumerable<TokenServiceEndpoint> endpoints)
{
    // Case is ignored, as routing does: no spelling of a path of ours may slip past us to an upstream's own token endpoint.
    private readonly FrozenDictionary<string, TokenServiceEndpoint> byPath = endpoints.ToFrozenDictionary(
        endpoint => endpoint.Path,
        StringComparer.OrdinalIgnoreCase
    );

    public static TokenServiceEndpointTable None { get; } = new([]);

    public IEnumerable<TokenServiceEndpoint> All => byPath.Values;

    public TokenServiceEndpoint? Find(PathString path) =>
        byPath.Count == 0 || path.Value is not { } text
            ? null
            : byPath.GetValueOrDefault(text.Length > 1 && text[^1] == '/' ? text[..^1] : text);
}

/// <summary>Answers requests to endpoints of the broker's own, before any forwarded route is looked at.</summary>
internal sealed class TokenServiceEndpoints(
    SnapshotStore snapshots,
    ICorsPolicyProvider policies,
    ICorsService cors,
    AnonymousLimit anonymous,
    TimeProvider time,
    ILogger<TokenServiceEndpoints> log,
    RequestDelegate next
)
{
    public const string RouteName = "token-service";

    public Task Invoke(HttpContext context) =>
        snapshots.Current.Part<TokenServiceEndpointTable>().Find(context.Request.Path) is { } endpoint
            ? Answer(context, endpoint)
            : next(context);

    private async Task Answer(HttpContext context, TokenServiceEndpoint endpoint)
    {
        var request = new EndpointLogEntry(RouteName);
        context.Features.Set(request);
        if (
            endpoint.Cors is not null
            && context.Request.Headers.Origin.Count > 0
            && await policies.GetPolicyAsync(context, endpoint.Cors) is { } policy
        )
        {
            var allowed = cors.EvaluatePolicy(context, policy);
            cors.ApplyResult(allowed, context.Response);
            if (allowed.IsPreflightRequest)
            {
                request.Decision = "preflight";
                context.Response.StatusCode = StatusCodes.Status204NoContent;
                await context.Response.StartAsync(context.RequestAborted);
                return;
            }
        }

        var answer =
            !FieldRule.AreClean(context.Request.Headers) ? endpoint.Refuse(400, "A header holds a control character.", "bad-request")
            : context.Request.Method == endpoint.Method ? await Bounded(context, endpoint, request)
            : endpoint.Refuse(405, "HTTP 405 Method Not Allowed", "method-not-allowed") with { Allow = endpoint.Method };
        request.Decision = answer.Decision;
        await answer.Write(context);
    }

    /// <summary>Who asks stands in the body, or is known only after a hash: such requests are bounded in number and in time.</summary>
    private async Task<EndpointResult> Bounded(HttpContext context, TokenServiceEndpoint endpoint, EndpointLogEntry request)
    {
        if (endpoint.AnswersAtOnce)
        {
            return await Try(context, endpoint, request);
        }

        var snapshot = snapshots.Current;
        var limits = snapshot.Broker.Limits;
        var place = anonymous.TryEnter(snapshot.Part<CredentialTable>().AddressOf(context), limits, out var isAddressFull);
        if (place is null)
        {
            var refused = isAddressFull
                ? endpoint.Refuse(429, "Too many requests at the same time from this address.", "rate-limited")
                : endpoint.Refuse(503, "Too many requests at the same time: send the request again.", "busy");
            return refused with { RetryAfter = TimeSpan.FromSeconds(1) };
        }

        try
        {
            if (context.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: true })
            {
                return await Try(context, endpoint, request);
            }

            // Disposed in full before the answer: it must not end a read of the next request on this connection.
            await using var deadline = time.CreateTimer(
                static reader => ((PipeReader)reader!).CancelPendingRead(),
                context.Request.BodyReader,
                limits.AnonymousTimeout,
                Timeout.InfiniteTimeSpan
            );
            return await Try(context, endpoint, request);
        }
        finally
        {
            place.Leave();
        }
    }

    /// <summary>Whatever happens, the answer is one that clients of this family read.</summary>
    private async Task<EndpointResult> Try(HttpContext context, TokenServiceEndpoint endpoint, EndpointLogEntry request)
    {
        try
        {
            return await endpoint.Answer(context, request);
        }
        catch (TokenTooWideException tooWide)
        {
            return endpoint.Refuse(400, tooWide.Message, "token-too-wide");
        }
        catch (BadHttpRequestException late)
            when (late.StatusCode == StatusCodes.Status408RequestTimeout && !context.RequestAborted.IsCancellationRequested)
        {
            if (context.Request.Protocol is "HTTP/1.1" or "HTTP/1.0")
            {
                context.Response.Headers.Connection = "close"; // the rest of the body may never come
            }

            return endpoint.Refuse(408, "The request's body did not come in time.", "body-too-slow");
        }
        catch (BadHttpRequestException) when (!context.RequestAborted.IsCancellationRequested)
        {
            return endpoint.Refuse(400, "The request's body broke off, or is not HTTP.", "bad-request");
        }
        catch (Exception fault) when (fault is not IOException && !context.RequestAborted.IsCancellationRequested)
        {
            // The type and the place, not the text: a library's message may quote what it was given.
            RequestLog.Failed(
                log,
                fault.GetType().FullName ?? "exception",
                fault.StackTrace ?? "",
                Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier
            );
            return endpoint.Refuse(500, "HTTP 500 Internal Server Error", "failed");
        }
    }
}
