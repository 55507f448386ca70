using System.Net;
using Broker.Configuration;
using Broker.Tokens;

namespace Broker.Forwarding;

/// <summary>Puts the upstream's token on a request that carries its granted passage, and on no other; replaces a refused one and sends once more.</summary>
/// <remarks>Captures nothing of a cluster or a snapshot: YARP keeps a client over reloads, so whatever it held would go stale.</remarks>
internal sealed class TokenHandler(HttpMessageHandler inner, TimeProvider time) : DelegatingHandler(inner)
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (!request.Options.TryGetValue(Passage.Key, out var passage) || !passage.IsAdmitted)
        {
            request.Headers.Authorization = null; // a health probe, say: it goes bare
            return base.SendAsync(request, cancellationToken);
        }

        return passage.Cell is null ? SendBare(request, passage, cancellationToken) : SendWithToken(request, passage, cancellationToken);
    }

    /// <summary>A public route without an account: no token, and no second try.</summary>
    private async Task<HttpResponseMessage> SendBare(HttpRequestMessage request, Passage passage, CancellationToken cancellation)
    {
        Keep(request, passage, limit: 0, cancellation);
        return await Send(request, token: null, passage, passage.Body, cancellation);
    }

    private async Task<HttpResponseMessage> SendWithToken(HttpRequestMessage request, Passage passage, CancellationToken cancellation)
    {
        if (!passage.Route!.MaySendTo(request.RequestUri))
        {
            return Instead(request, passage, Refusal.UpstreamUnreachable);
        }

        if (passage.Token is null || passage.Token.IsOver)
        {
            // The token came to its end on the way here.
            var fresh = await passage.Cell!.Get(cancellation);
            if (fresh.Token is null)
            {
                return Instead(request, passage, Admission.RefusalOf(fresh, passage));
            }

            passage.Token = fresh.Token;
        }

        Keep(request, passage, passage.Route.Snapshot.Broker.Forwarding.ReplayBodyLimit, cancellation);
        var token = passage.Token;
        var sentAt = time.GetTimestamp();
        var response = await Send(request, token, passage, passage.Body, cancellation);
        if (response.StatusCode != HttpStatusCode.Unauthorized)
        {
            if ((int)response.StatusCode is (>= 200 and < 300) or 101)
            {
                token.Succeeded(sentAt);
            }

            return response;
        }

        response.Dispose(); // the upstream's own 401 is between it and us
        return await SendAgain(request, passage, token, sentAt, cancellation);
    }

    private async Task<HttpResponseMessage> SendAgain(
        HttpRequestMessage request, Passage passage, UpstreamToken refused, long sentAt, CancellationToken cancellation)
    {
        var successor = await passage.Cell!.Replace(refused, sentAt, passage.Subject, cancellation);
        if (successor.Token is null)
        {
            return Instead(request, passage, Admission.RefusalOf(successor, passage));
        }

        KeptContent? again = null;
        if (passage.HasBody)
        {
            again = passage.Body is null ? null : await passage.Body.Again(passage.Route!.Snapshot.Broker.Forwarding.ReplayWait, cancellation);
            if (again is null)
            {
                return Instead(request, passage, passage.Body?.ReadFailure is { } fault ? Edge.CallerFault(fault) : Refusal.UpstreamTokenReplaced);
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
        if (response.StatusCode == HttpStatusCode.Unauthorized)
        {
            passage.Cell.RefusedAgain(successor.Token, passage.Subject);
            response.Dispose();
            return Instead(request, passage, passage.Route!.On401IsResource ? Refusal.UpstreamDenied : Refusal.UpstreamRefusedToken);
        }

        if (response.IsSuccessStatusCode)
        {
            successor.Token.Succeeded(sentAgainAt);
        }

        return response;
    }

    private async Task<HttpResponseMessage> Send(
        HttpRequestMessage request, UpstreamToken? token, Passage passage, KeptContent? body, CancellationToken cancellation)
    {
        AnswerWatch.Begin(body?.Answer);
        var bare = request.RequestUri;
        token?.PutOn(request);
        try
        {
            var response = await base.SendAsync(request, cancellation);
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
            request.RequestUri = bare; // a token in the query is not for who reads the address afterwards
        }
    }

    private static bool IsWebSocket(HttpResponseMessage response, Passage passage) =>
        passage.IsWebSocket && response.Headers.Upgrade.Count == 1 && response.Headers.Upgrade.First() is { Version: null, Name: { } name }
        && name.Equals("websocket", StringComparison.OrdinalIgnoreCase);

    /// <summary>An error that came before the body's end ends the sending, unless it is a 401 that the body is sent again for.</summary>
    private static async ValueTask CutShort(HttpResponseMessage response, KeptContent body, CancellationToken cancellation)
    {
        if (body.Answer.Connection is { IsCut: true } connection)
        {
            await CutShortAnswer.Wrap(response, connection, cancellation);
        }
        else if ((int)response.StatusCode >= 400 && !(body.IsSentAgain && response.StatusCode == HttpStatusCode.Unauthorized))
        {
            body.CutShort();
        }
    }

    /// <summary>Wraps a body that may be sent again, or may be answered while it is sent.</summary>
    private void Keep(HttpRequestMessage request, Passage passage, int limit, CancellationToken cancellation)
    {
        if (!passage.HasBody || request.Content is null || passage.Body is not null)
        {
            return;
        }

        request.Content = passage.Body = new KeptContent(request.Content, passage.Incoming!, limit, passage.Route!.IdleTimeout / 2, time, cancellation);
    }

    private static HttpResponseMessage Instead(HttpRequestMessage request, Passage passage, Refusal refusal)
    {
        passage.Refusal = refusal;
        return new HttpResponseMessage((HttpStatusCode)refusal.Status) { RequestMessage = request, Version = request.Version };
    }
}
