using System.Net;
using System.Runtime.CompilerServices;
using Broker.UpstreamTokens;

namespace Broker.Forwarding;

/// <content>How one try leaves, and what its answer may be.</content>
internal sealed partial class TokenHandler
{
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
            request.RequestUri = bare; // a token in the query is not for who reads the address afterwards
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
