using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Broker.Forwarding;

/// <content>Whether the caller is still there: after YARP has ended an exchange, both look the same, so it is noted before.</content>
internal sealed partial class BrokeredRequest : IHttpRequestLifetimeFeature, IHttpResetFeature
{
    private IHttpRequestLifetimeFeature lifetime = null!;
    private IHttpResetFeature? reset;
    private CancellationToken gone;
    private bool? wasGone;

    /// <summary>Whether the caller ended the exchange before we did.</summary>
    public bool HasCallerLeft => wasGone ?? gone.IsCancellationRequested;

    CancellationToken IHttpRequestLifetimeFeature.RequestAborted
    {
        get => lifetime.RequestAborted;
        set => lifetime.RequestAborted = value; // a route's Timeout puts its own in; it is not the caller's
    }

    /// <summary>The passage of a request that has just come in.</summary>
    public static BrokeredRequest Begin(HttpContext context)
    {
        var features = context.Features;
        var passage = new BrokeredRequest
        {
            Incoming = context.Request,
            lifetime = features.GetRequiredFeature<IHttpRequestLifetimeFeature>(),
            gone = context.RequestAborted,
        };
        features.Set(passage);
        features.Set<IHttpRequestLifetimeFeature>(passage);
        if (!HttpProtocol.IsHttp11(context.Request.Protocol) && features.Get<IHttpResetFeature>() is { } http2)
        {
            passage.reset = http2;
            features.Set<IHttpResetFeature>(passage);
        }

        return passage;
    }

    /// <summary>Whether the broker ended the exchange. Where that was before its answer, none is written.</summary>
    public bool WasEnded(HttpResponse response)
    {
        if (EndedAt != 0 && !response.HasStarted && Refusal is not null)
        {
            response.StatusCode = Refusal.Status;
        }

        return EndedAt != 0;
    }

    void IHttpRequestLifetimeFeature.Abort()
    {
        wasGone ??= gone.IsCancellationRequested;
        lifetime.Abort();
    }

    void IHttpResetFeature.Reset(int errorCode)
    {
        wasGone ??= gone.IsCancellationRequested;
        reset!.Reset(errorCode);
    }
}
