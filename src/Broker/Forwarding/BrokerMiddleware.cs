using System.Diagnostics;
using Broker.Configuration;
using Broker.Operations;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Model;

namespace Broker.Forwarding;

/// <summary>The outermost step: starts each request's passage, answers what was refused, and tells of it in one line.</summary>
internal sealed class BrokerMiddleware(
    TimeProvider time,
    SnapshotStore snapshots,
    LineBudget strangers,
    ILogger<BrokerMiddleware> logger,
    RequestDelegate next
)
{
    public async Task Invoke(HttpContext context)
    {
        var start = time.GetTimestamp();
        var passage = BrokeredRequest.Begin(context);
        passage.IsExtendedConnect = IsWebSocketOverHttp2(context);
        using var trace = ContinuedTrace(context.Request.Headers);
        try
        {
            if (FieldRule.IsMisspelt(context.Request.Method) || !FieldRule.IsFramingClear(context.Request))
            {
                await Refuse(context, passage);
                return;
            }

            if (passage.IsExtendedConnect)
            {
                context.Request.Method = "GET"; // so it is routed (rights.md 12); admission gives it its method back
            }

            passage.Refusal = HostRule.Check(context.Request);
            if (passage.Refusal is null)
            {
                await next(context);
            }

            await Answer(context, passage);
        }
        catch (Exception failure)
        {
            await Fail(context, passage, failure);
        }
        finally
        {
            OpenExchanges.Leave(passage);
            passage.Slot?.Leave();
            passage.Anonymous?.Leave();
            if (passage.Body is not null)
            {
                await passage.Body.Stop();
            }

            Tell(context, passage, time.GetElapsedTime(start));
        }
    }

    /// <summary>Nothing is routed that the server and others read differently.</summary>
    private static Task Refuse(HttpContext context, BrokeredRequest passage)
    {
        passage.Refusal = FieldRule.IsMisspelt(context.Request.Method)
            ? Refusal.MethodNotAllowed
            : Refusal.BadRequest("The request's Transfer-Encoding is not chunked alone, or stands beside a Content-Length.");
        context.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
        return RefusalWriter.Write(context, passage.Refusal);
    }

    /// <summary>The caller's trace goes on to the upstream; without telemetry nobody else would carry it.</summary>
    private static Activity? ContinuedTrace(IHeaderDictionary headers)
    {
        if (
            headers.TraceParent.Count != 1
            || Activity.Current is not null
            || !ActivityContext.TryParse(headers.TraceParent, headers.TraceState, out var parent)
        )
        {
            return null;
        }

        var activity = new Activity("broker.request") { TraceStateString = parent.TraceState };
        return activity.SetParentId(parent.TraceId, parent.SpanId, parent.TraceFlags).Start();
    }

    private static bool IsWebSocketOverHttp2(HttpContext context) =>
        context.Request.Method == "CONNECT"
        && context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true, Protocol: "websocket" };

    /// <summary>Writes the refusal, whoever said no: a rule of ours, the token handler, YARP's forwarder, or routing.</summary>
    private async Task Answer(HttpContext context, BrokeredRequest passage)
    {
        if (passage.Refusal is null && context.Features.Get<IForwarderErrorFeature>() is { } failed)
        {
            Judge(context, passage, failed);
        }
        else if (passage.Refusal == Refusal.UpstreamForeign)
        {
            Warn(context, passage, new(Refusal.UpstreamForeign, "the request's address or Host is none of its destinations'"));
        }
        else if (passage.Refusal == Refusal.UpstreamUnaskedUpgrade)
        {
            Warn(context, passage, new(Refusal.UpstreamUnaskedUpgrade, "it answered 101 to a request that asked for no WebSocket"));
        }

        if (context.Response.HasStarted || passage.WasEnded(context.Response))
        {
            return;
        }

        passage.Refusal ??= passage.HasCallerLeft
            ? Refusal.CallerLeft
            : (context.Response.StatusCode, passage.Route) switch
            {
                (404, null) => Refusal.NotFound,
                (405, null) => Refusal.MethodNotAllowed,
                (504, _) when !passage.IsAnswered => Refusal.UpstreamTimeout, // the route's Timeout ran out
                _ => null,
            };
        if (passage.HasCallerLeft)
        {
            passage.IsUnheard = true;
        }
        else if (passage.Refusal is not null)
        {
            await RefusalWriter.Write(context, passage.Refusal);
        }
    }

    /// <summary>Whose fault is it that there is no answer, or not the whole?</summary>
    private void Judge(HttpContext context, BrokeredRequest passage, IForwarderErrorFeature failed)
    {
        if (Fault.Of(failed, passage) is not { } fault)
        {
            return;
        }

        passage.Refusal = fault.Refusal;
        passage.IsUnheard = fault.Refusal == Refusal.CallerLeft;
        if (fault.IsUpstreams)
        {
            Warn(context, passage, fault);
        }
    }

    private void Warn(HttpContext context, BrokeredRequest passage, in Fault fault)
    {
        var destination = context.Features.Get<IReverseProxyFeature>()?.ProxiedDestination?.DestinationId;
        ForwardingLog.UpstreamFailed(
            logger,
            passage.Route?.Upstream?.Name ?? "(none)",
            destination ?? "(none)",
            fault.Refusal.Code,
            fault.Reason,
            passage.Route?.Id,
            TraceOf(context)
        );
    }

    private async Task Fail(HttpContext context, BrokeredRequest passage, Exception failure)
    {
        if (passage.HasCallerLeft || (passage.EndedAt == 0 && Fault.IsOfTheConnection(failure)))
        {
            passage.Refusal ??= Refusal.CallerLeft;
            passage.IsUnheard = true;
            return;
        }

        if (passage.WasEnded(context.Response))
        {
            return; // what failed is what was cut
        }

        if (failure is BadHttpRequestException)
        {
            passage.Refusal = Fault.OfTheCaller(failure);
            passage.IsUnheard = passage.Refusal == Refusal.CallerLeft;
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

    private void Tell(HttpContext context, BrokeredRequest passage, TimeSpan elapsed)
    {
        // A request that is granted may still be refused: by a limit, for want of a token, by an upstream in trouble.
        var own = passage.Route is null ? context.Features.Get<EndpointLogEntry>() : null;
        var decision =
            own is not null ? own.Decision
            : passage.IsAdmitted
                ? passage.Route!.IsPublic ? "public"
                    : "granted"
            : passage.Refusal is null ? "not-decided"
            : "refused";
        var status = passage.IsUnheard ? StatusCodes.Status499ClientClosedRequest : context.Response.StatusCode;
        BrokerMetrics.Request(decision, passage.Refusal?.Code, passage.Route?.Upstream?.Name, status, elapsed);
        var isKnown = (passage.Caller is not null || own?.Caller is not null) && !context.RequestAborted.IsCancellationRequested;
        if (
            logger.IsEnabled(LogLevel.Information)
            && (isKnown || strangers.Take(snapshots.Current.Broker.Limits.AnonymousLogLinesPerSecond))
        )
        {
            RequestLog.Request(
                logger,
                context.Request.Method,
                passage.Route?.Id ?? own?.Route,
                passage.Caller?.Identity ?? own?.Caller,
                passage.Route?.Action,
                decision,
                passage.Refusal?.Code,
                passage.Route?.Upstream?.Name,
                passage.Account?.Name,
                status,
                Math.Round(elapsed.TotalMilliseconds, 3),
                TraceOf(context)
            );
        }
    }

    private static string TraceOf(HttpContext context) => Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier;
}
