using System.Diagnostics;
using Broker.Operations;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace Broker.Forwarding;

/// <summary>The outermost step: starts each request's passage, answers what was refused, and tells of it in one line.</summary>
internal sealed class Edge(TimeProvider time, ILogger<Edge> logger, RequestDelegate next)
{
    public async Task Invoke(HttpContext context)
    {
        var start = time.GetTimestamp();
        var passage = new Passage { Incoming = context.Request, IsExtendedConnect = IsWebSocketOverHttp2(context) };
        context.Features.Set(passage);
        using var trace = ContinuedTrace(context.Request.Headers);
        try
        {
            if (passage.IsExtendedConnect)
            {
                context.Request.Method = HttpMethods.Get; // so it is routed (rights.md 12); admission gives it its method back
            }

            await next(context);
            await Answer(context, passage);
        }
        catch (Exception failure)
        {
            await Fail(context, passage, failure);
        }
        finally
        {
            passage.Slot?.Leave();
            if (passage.Body is not null)
            {
                await passage.Body.Stop();
            }

            Tell(context, passage, time.GetElapsedTime(start));
        }
    }

    /// <summary>The caller's trace goes on to the upstream; without telemetry nobody else would carry it.</summary>
    private static Activity? ContinuedTrace(IHeaderDictionary headers)
    {
        if (headers.TraceParent.Count != 1 || Activity.Current is not null || !ActivityContext.TryParse(headers.TraceParent, headers.TraceState, out var parent))
        {
            return null;
        }

        var activity = new Activity("broker.request") { TraceStateString = parent.TraceState };
        return activity.SetParentId(parent.TraceId, parent.SpanId, parent.TraceFlags).Start();
    }

    private static bool IsWebSocketOverHttp2(HttpContext context) =>
        HttpMethods.IsConnect(context.Request.Method) && context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true, Protocol: "websocket" };

    /// <summary>Writes the refusal, whoever said no: a rule of ours, the token handler, YARP's forwarder, or routing.</summary>
    private static async Task Answer(HttpContext context, Passage passage)
    {
        if (context.Response.HasStarted || context.RequestAborted.IsCancellationRequested)
        {
            return;
        }

        passage.Refusal ??= context.Features.Get<IForwarderErrorFeature>() is { } failed
            ? RefusalOf(failed, passage)
            : (context.Response.StatusCode, passage.Route) switch
            {
                (404, null) => Refusal.NotFound,
                (405, null) => Refusal.MethodNotAllowed,
                (504, _) when !passage.IsAnswered => Refusal.UpstreamTimeout, // the route's Timeout ran out
                _ => null,
            };
        if (passage.Refusal is not null)
        {
            await RefusalWriter.Write(context, passage.Refusal);
        }
    }

    private static Refusal? RefusalOf(IForwarderErrorFeature failed, Passage passage)
    {
        if (passage.Body?.ReadFailure is { } readFailure)
        {
            return CallerFault(readFailure);
        }

        return failed.Error switch
        {
            ForwarderError.None => null,
            // Cancelled, and the caller is still there: the route's own Timeout ran out.
            ForwarderError.RequestTimedOut or ForwarderError.RequestBodyCanceled or ForwarderError.RequestCanceled => Refusal.UpstreamTimeout,
            ForwarderError.RequestBodyClient => CallerFault(failed.Exception),
            _ => Refusal.UpstreamUnreachable,
        };
    }

    /// <summary>Why a body could not be read to its end.</summary>
    public static Refusal CallerFault(Exception? failure) => BadRequestIn(failure) switch
    {
        MethodFieldException => Refusal.NotAllowedHere("The body's field '_method' could change the method: it is not allowed."),
        JsonEncodingException => Refusal.NotAllowedHere("JSON has to be in UTF-8: it has to be looked into."),
        { StatusCode: StatusCodes.Status413PayloadTooLarge } => Refusal.BodyTooLarge,
        _ => Refusal.BadRequest("The request's body broke off."),
    };

    /// <summary>YARP tells of the request's failure and of its body's together.</summary>
    private static BadHttpRequestException? BadRequestIn(Exception? failure) => failure switch
    {
        null => null,
        BadHttpRequestException found => found,
        AggregateException several => several.InnerExceptions.Select(BadRequestIn).FirstOrDefault(found => found is not null),
        _ => BadRequestIn(failure.InnerException),
    };

    private async Task Fail(HttpContext context, Passage passage, Exception failure)
    {
        if (context.RequestAborted.IsCancellationRequested)
        {
            context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            return;
        }

        if (failure is BadHttpRequestException)
        {
            passage.Refusal = CallerFault(failure);
        }
        else
        {
            // The type and the place, not the text: a library's message may quote what it was given.
            RequestLog.Failed(logger, failure.GetType().FullName ?? "exception", failure.StackTrace ?? "", TraceOf(context));
            passage.Refusal = Refusal.Failed;
        }

        if (context.Response.HasStarted)
        {
            context.Abort();
            return;
        }

        await RefusalWriter.Write(context, passage.Refusal, passage.Refusal == Refusal.Failed ? TraceOf(context) : null);
    }

    private void Tell(HttpContext context, Passage passage, TimeSpan elapsed)
    {
        // A request that is granted may still be refused: by a limit, for want of a token, by an upstream in trouble.
        var own = passage.Route is null ? context.Features.Get<OwnRequest>() : null;
        var decision = own is not null ? own.Decision : passage.IsAdmitted ? passage.Route!.IsPublic ? "public" : "granted" : passage.Refusal is null ? "not-decided" : "refused";
        BrokerMetrics.Request(decision, passage.Refusal?.Code, passage.Route?.Upstream?.Name, context.Response.StatusCode, elapsed);
        if (logger.IsEnabled(LogLevel.Information))
        {
            RequestLog.Request(
                logger, context.Request.Method, passage.Route?.Id ?? own?.Route, passage.Caller?.Identity ?? own?.Caller, passage.Route?.Action, decision, passage.Refusal?.Code,
                passage.Route?.Upstream?.Name, passage.Account?.Name, context.Response.StatusCode, Math.Round(elapsed.TotalMilliseconds, 3), TraceOf(context));
        }
    }

    private static string TraceOf(HttpContext context) => Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier;
}
