using System.Net;
using System.Runtime.CompilerServices;
using Broker.UpstreamTokens;

namespace Broker.Forwarding;

/// <summary>
/// Puts the upstream's token on a request that carries its granted passage, and on no other; replaces a refused one and sends once more.
/// </summary>
/// <remarks>Captures nothing of a cluster or a snapshot: YARP keeps a client over reloads, so whatever it held would go stale.</remarks>
internal sealed class TokenHandler(HttpMessageHandler inner, TimeProvider time) : DelegatingHandler(inner)
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (!request.Options.TryGetValue(BrokeredRequest.Key, out var passage) || !passage.IsAdmitted)
        {
            request.Headers.Authorization = null; // a health probe, say: it goes bare
            return base.SendAsync(request, cancellationToken);
        }

        return passage.Cell is null ? SendBare(request, passage, cancellationToken) : SendWithToken(request, passage, cancellationToken);
    }

    /// <summary>A public route without an account: no token, and no second try.</summary>
    private async Task<HttpResponseMessage> SendBare(HttpRequestMessage request, BrokeredRequest passage, CancellationToken cancellation)
    {
        Keep(request, passage, limit: 0, cancellation);
        return await Send(request, token: null, passage, passage.Body, cancellation);
    }

    private async Task<HttpResponseMessage> SendWithToken(
        HttpRequestMessage request,
        BrokeredRequest passage,
        CancellationToken cancellation
    )
    {
        if (!passage.Route!.MaySend(request))
        {
            return Instead(request, passage, Refusal.UpstreamForeign);
        }

        if (passage.Token is null || passage.Token.IsOver)
        {
            // The token came to its end on the way here.
            var fresh = await passage.Cell!.Get(cancellation);
            if (fresh.Token is null)
            {
                return Instead(request, passage, MissingToken.RefusalOf(fresh, passage));
            }

            passage.Token = fresh.Token;
        }

        Keep(request, passage, passage.Route.Snapshot.Broker.Forwarding.ReplayBodyLimit, cancellation);
        var token = passage.Token;
        var sentAt = time.GetTimestamp();
        var response = await Send(request, token, passage, passage.Body, cancellation);
        if (UpstreamTokenRefusal.IsOfACall(response))
        {
            return await CallAgain(request, response, passage, token, sentAt, cancellation);
        }

        if (response.StatusCode == HttpStatusCode.Unauthorized)
        {
            response.Dispose(); // the upstream's own 401 is between it and us
            return await SendAgain(request, null, passage, token, sentAt, cancellation);
        }

        if (IsTaken(response))
        {
            token.Succeeded(sentAt);
        }

        return response;
    }

    /// <summary>
    /// A call of gRPC whose body was not kept may have its own answer: the caller calls again, and the next token is there.
    /// </summary>
    private async Task<HttpResponseMessage> CallAgain(
        HttpRequestMessage request,
        HttpResponseMessage first,
        BrokeredRequest passage,
        UpstreamToken refused,
        long sentAt,
        CancellationToken cancellation
    )
    {
        HttpResponseMessage? answer = null;
        try
        {
            return answer = await SendAgain(request, first, passage, refused, sentAt, cancellation);
        }
        finally
        {
            if (answer != first)
            {
                first.Dispose();
            }
        }
    }

    /// <param name="request">What was sent.</param>
    /// <param name="asIs">What the caller may read where the request cannot be sent again; null for a refusal of ours.</param>
    /// <param name="passage">Its passage.</param>
    /// <param name="refused">The token that it was sent with.</param>
    /// <param name="sentAt">When.</param>
    /// <param name="cancellation">The caller went away, or nothing moved for too long.</param>
    private async Task<HttpResponseMessage> SendAgain(
        HttpRequestMessage request,
        HttpResponseMessage? asIs,
        BrokeredRequest passage,
        UpstreamToken refused,
        long sentAt,
        CancellationToken cancellation
    )
    {
        var successor = await passage.Cell!.Replace(refused, sentAt, passage.Subject, cancellation);
        if (successor.Token is null)
        {
            return Instead(request, passage, MissingToken.RefusalOf(successor, passage));
        }

        ReplayBufferContent? again = null;
        if (passage.HasBody)
        {
            again = passage.Body is null
                ? null
                : await passage.Body.Again(passage.Route!.Snapshot.Broker.Forwarding.ReplayWait, cancellation);
            if (again is null)
            {
                return passage.Body?.ReadFailure is { } fault
                    ? Instead(request, passage, Fault.OfTheCaller(fault))
                    : asIs ?? Instead(request, passage, Refusal.UpstreamTokenReplaced);
            }

            request.Content = again;
        }

        if (successor.Token.IsOver)
        {
            return Instead(request, passage, Refusal.UpstreamTokenReplaced); // it came to its end while the body was waited for
        }

        passage.Token = successor.Token;
        var sentAgainAt = time.GetTimestamp();
        var response = await Send(request, successor.Token, passage, again, cancellation);
        if (UpstreamTokenRefusal.Is(response))
        {
            response.Dispose();
            return Instead(request, passage, MissingToken.RefusalOf(passage.Cell.RefusedAgain(successor.Token, passage.Subject), passage));
        }

        if (IsTaken(response))
        {
            successor.Token.Succeeded(sentAgainAt);
        }

        return response;
    }

    /// <summary>Whether the answer shows that the token was taken. A redirect, to a login page say, does not.</summary>
    private static bool IsTaken(HttpResponseMessage response) => (int)response.StatusCode is (>= 200 and < 300) or 304 or 101;

    private static HttpResponseMessage Instead(HttpRequestMessage request, BrokeredRequest passage, Refusal refusal)
    {
        passage.Refusal = refusal;
        return new HttpResponseMessage((HttpStatusCode)refusal.Status) { RequestMessage = request, Version = request.Version };
    }

    // How one try leaves, and what its answer may be.

    // How often a request may meet a connection that its pool should not have given out.
    private const int UnusableConnections = 8;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))] // each request passes here
    private async ValueTask<HttpResponseMessage> Send(
        HttpRequestMessage request,
        UpstreamToken? token,
        BrokeredRequest passage,
        ReplayBufferContent? body,
        CancellationToken cancellation
    )
    {
        EarlyResponseStream.Begin(body?.Answer);
        var bare = request.RequestUri;
        token?.PutOn(request);
        try
        {
            var response = await SendOn(request, body, cancellation);
            if (response.StatusCode == HttpStatusCode.SwitchingProtocols && !IsWebSocket(response, passage))
            {
                response.Dispose(); // it would join the caller to the upstream, and nothing that follows would be decided on
                return Instead(request, passage, Refusal.UpstreamUnaskedUpgrade);
            }

            if (body is not null)
            {
                await CutShort(response, body, cancellation);
            }

            return response;
        }
        catch (HttpRequestException) when (body is { Answer.IsTokenRefused: true })
        {
            return new HttpResponseMessage(HttpStatusCode.Unauthorized) { RequestMessage = request, Version = request.Version };
        }
        finally
        {
            request.RequestUri = bare; // a token in the query must not be seen by later readers of the address
        }
    }

    private Task<HttpResponseMessage> SendOn(HttpRequestMessage request, ReplayBufferContent? body, CancellationToken cancellation) =>
        body is not null ? SendBody(request, cancellation)
        : OnceSent.IsDue(request) ? SendOnce(request, cancellation)
        : base.SendAsync(request, cancellation);

    private async Task<HttpResponseMessage> SendBody(HttpRequestMessage request, CancellationToken cancellation)
    {
        for (var met = 0; ; met++)
        {
            try
            {
                return await (OnceSent.IsDue(request) ? SendOnce(request, cancellation) : base.SendAsync(request, cancellation));
            }
            catch (HttpRequestException failure) when (met < UnusableConnections && UnusableConnectionException.IsIn(failure))
            {
                // Nothing was sent.
            }
        }
    }

    /// <summary>Async, so that what is begun here is over with it.</summary>
    private async Task<HttpResponseMessage> SendOnce(HttpRequestMessage request, CancellationToken cancellation)
    {
        OnceSent.Begin();
        return await base.SendAsync(request, cancellation);
    }

    private static bool IsWebSocket(HttpResponseMessage response, BrokeredRequest passage) =>
        passage.IsWebSocket
        && response.Headers.Upgrade.Count == 1
        && response.Headers.Upgrade.First() is { Version: null, Name: { } name }
        && name.Equals("websocket", StringComparison.OrdinalIgnoreCase);

    /// <summary>An error that came before the body's end ends the sending, unless it is a 401 that the body is sent again for.</summary>
    private static async ValueTask CutShort(HttpResponseMessage response, ReplayBufferContent body, CancellationToken cancellation)
    {
        if (body.Answer.Connection is { IsCut: true } connection)
        {
            await CutShortResponse.Wrap(response, connection, cancellation);
        }
        else if ((int)response.StatusCode >= 400 && !(body.IsSentAgain && response.StatusCode == HttpStatusCode.Unauthorized))
        {
            body.CutShort();
        }
    }

    /// <summary>Wraps a body that may be sent again, or may be answered while it is sent.</summary>
    private void Keep(HttpRequestMessage request, BrokeredRequest passage, int limit, CancellationToken cancellation)
    {
        if (!passage.HasBody || request.Content is null || passage.Body is not null)
        {
            return;
        }

        request.Content = passage.Body = new ReplayBufferContent(
            request.Content,
            passage.Incoming!,
            limit,
            passage.Route!.IdleTimeout / 2,
            time,
            cancellation
        );
    }
}
