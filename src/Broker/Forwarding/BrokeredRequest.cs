using Broker.Credentials;
using Broker.Limits;
using Broker.UpstreamTokens;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Policies;

namespace Broker.Forwarding;

/// <summary>One request's way through the broker: what was decided, with whose token it goes, and what was answered in its stead.</summary>
internal sealed class BrokeredRequest : Exchange, IHttpRequestLifetimeFeature, IHttpResetFeature
{
    /// <summary>Carries the passage on the upstream's request; one without it leaves without a token.</summary>
    public static readonly HttpRequestOptionsKey<BrokeredRequest> Key = new("broker.passage");

    public CompiledRoute? Route { get; set; }

    /// <summary>The route that it was last found in order by: the one that admitted it, or after a reload its successor.</summary>
    public CompiledRoute PresentRoute
    {
        get => field ?? Route!;
        set;
    }

    /// <summary>What it demands by that route.</summary>
    public Demand PresentDemand { get; set; }

    /// <summary>The credential that admitted it.</summary>
    public ShownCredential Shown { get; set; }

    /// <summary>Whether this is the handshake of a WebSocket.</summary>
    public bool IsHandshake { get; set; }

    /// <summary>The WebSocket, once it is open.</summary>
    public EndableSocket? Socket { get; set; }

    /// <summary>The subprotocol that a handshake is answered with where the upstream chooses none.</summary>
    public string? AnswersProtocol { get; set; }

    /// <summary>Whether this is a stream without an end of its own: events, or a call of gRPC.</summary>
    public bool IsEndless { get; set; }

    public Caller? Caller { get; set; }

    public Demand Demand { get; set; }

    /// <summary>What the policy said; the default refuses. A public route has no demand and stays at that.</summary>
    public Decision Decision { get; set; }

    public Account? Account { get; set; }

    public TokenCell? Cell { get; set; }

    /// <summary>Put on the request by <see cref="TokenHandler"/>, and by nothing else.</summary>
    public UpstreamToken? Token { get; set; }

    /// <summary>What is answered instead of the upstream's answer.</summary>
    public Refusal? Refusal { get; set; }

    /// <summary>The upstream answered, and its status is the caller's to see.</summary>
    public bool IsAnswered { get; set; }

    /// <summary>The caller left before the end of what it was to be told: the log says 499.</summary>
    public bool IsUnheard { get; set; }

    /// <summary>Whether the caller sends a body; then a second try needs its copy. What flows in an extended CONNECT is no body.</summary>
    public bool HasBody => Incoming is not null && !IsExtendedConnect && BodyRules.HasBody(Incoming.HttpContext);

    /// <summary>The caller's request, for its body.</summary>
    public HttpRequest? Incoming { get; set; }

    /// <summary>What a trusted proxy says of the caller; null for none.</summary>
    public ForwardedBy? ForwardedBy { get; set; }

    /// <summary>The copy of the body, when one is made.</summary>
    public ReplayBufferContent? Body { get; set; }

    /// <summary>The caller's place among its concurrent requests, to be given back.</summary>
    public ConcurrencyLimit.Slot? Slot;

    /// <summary>The place among the requests whose sender is not known, to be given back.</summary>
    public AnonymousLimit.Place? Anonymous { get; set; }

    /// <summary>The request was let through: by its policy, or because the route is public. Only then may a token be put on.</summary>
    public bool IsAdmitted { get; set; }

    /// <summary>Whether an extended CONNECT was routed as a GET, to be given back its own method.</summary>
    public bool IsExtendedConnect { get; set; }

    /// <summary>Whether a WebSocket was decided on: only then may the upstream switch protocols.</summary>
    public bool IsWebSocket { get; set; }

    /// <summary>Route and ids: whom a 401 of the upstream is about.</summary>
    public string Subject => $"{Route?.Id}|{Demand.Networks}|{Demand.DeviceTypes}|{Demand.Devices}";

    /// <summary>Takes a place among the requests whose sender is not known, or not known yet; a refusal when there is none.</summary>
    public Refusal? EnterUnknown(HttpContext context, AnonymousLimit limit)
    {
        Anonymous = limit.TryEnter(Route!.Credentials.AddressOf(context), Route.Snapshot.Broker.Limits, out var isAddressFull);
        return Anonymous is not null ? null
            : isAddressFull ? Refusal.AddressLimited
            : Refusal.Busy;
    }

    public static BrokeredRequest Of(HttpContext context) =>
        context.Features.Get<BrokeredRequest>() ?? throw new InvalidOperationException("The request did not come through the edge.");

    // Whether the caller is still there: after YARP has ended an exchange, both look the same, so it is noted before.

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
