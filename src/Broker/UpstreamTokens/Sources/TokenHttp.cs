using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Broker.Operations;

namespace Broker.UpstreamTokens;

/// <summary>
/// How all sources reach their token endpoints: no proxy, cookies or redirects; bounded in size; and it knows whether the body left.
/// </summary>
internal sealed class TokenHttp(HttpMessageInvoker http, TimeProvider time)
{
    private const int MostBytes = 256 * 1024;

    /// <summary>How long the body of a refusal is waited for.</summary>
    private static readonly TimeSpan WordWait = TimeSpan.FromSeconds(5);

    public TimeProvider Time { get; } = time;

    public static HttpMessageInvoker NewInvoker() =>
        new(
            new SocketsHttpHandler
            {
                UseProxy = false,
                UseCookies = false,
                AllowAutoRedirect = false,
                AutomaticDecompression = DecompressionMethods.None,
                ActivityHeadersPropagator = null,
                SslOptions = new() { RemoteCertificateValidationCallback = CertificateJudge.Judge },
                ConnectTimeout = TimeSpan.FromSeconds(10),
                PooledConnectionLifetime = TimeSpan.FromMinutes(5),
                MaxResponseHeadersLength = 32,
                MaxResponseDrainSize = MostBytes,
                ResponseDrainTimeout = TimeSpan.FromSeconds(2),
            }
        );

    /// <summary>Posts, and reads the answer; throws only when cancelled after the body left.</summary>
    public async Task<TokenReply> Post(
        Uri endpoint,
        byte[] body,
        string contentType,
        IEnumerable<KeyValuePair<string, string>> headers,
        CancellationToken cancellation
    )
    {
        using var content = new OnceContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue(contentType);
        using var request = new HttpRequestMessage(HttpMethod.Post, endpoint) { Content = content };
        request.Headers.TryAddWithoutValidation("Accept", "application/json");
        foreach (var (name, value) in headers)
        {
            request.Headers.Remove(name);
            request.Headers.TryAddWithoutValidation(name, value);
        }
        var isAnswered = false;
        try
        {
            using var response = await http.SendAsync(request, cancellation);
            isAnswered = true;
            return await Read(response, cancellation);
        }
        catch (Exception fault) when (!content.Left)
        {
            // No connection, no name, no TLS: the upstream saw nothing of it, and nothing is spent.
            return new(0, null, TokenAnswer.NotNow(EndpointFault.BeforeItLeft(fault)));
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or OperationCanceledException)
        {
            return new(0, null, TokenAnswer.Unknown(EndpointFault.AfterItLeft(fault, isAnswered)));
        }
    }

    private async Task<TokenReply> Read(HttpResponseMessage response, CancellationToken cancellation)
    {
        var status = (int)response.StatusCode;
        var retryAfter = RetryAfter(response.Headers.RetryAfter);
        var said = TokenAnswer.OfStatus(status, "http", retryAfter);
        if (said is { } known)
        {
            // The status says it all; the body of a 4xx may hold the kind's own word, and nothing depends on whether it can be read.
            return new(
                status,
                status is >= 400 and < 500 && known.Kind == TokenAnswerKind.Refused ? await Word(response, cancellation) : null,
                known
            );
        }
        var (json, problem) = await ForeignJson.Read(response.Content, MostBytes, cancellation);
        return new(
            status,
            json,
            problem is not null ? TokenAnswer.WithoutToken(problem)
                : Wire.HasError(json) ? TokenAnswer.Refused($"error-in-{status}", isDefinite: false) with { RetryAfter = retryAfter }
                : TokenAnswer.WithoutToken($"http-{status}")
        );
    }

    /// <summary>The body of a refusal where it is JSON; null where it is not, is cut, too large, or does not come.</summary>
    private async Task<JsonElement?> Word(HttpResponseMessage response, CancellationToken cancellation)
    {
        using var wait = new CancellationTokenSource(WordWait, Time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, wait.Token);
        try
        {
            return (await ForeignJson.Read(response.Content, MostBytes, stop.Token)).Json;
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or OperationCanceledException)
        {
            return null;
        }
    }

    private TimeSpan? RetryAfter(RetryConditionHeaderValue? header)
    {
        var said = header?.Delta ?? (header?.Date is { } date ? date - Time.GetUtcNow() : null);
        return said is { } value
            ? value < TimeSpan.Zero
                ? TimeSpan.Zero
                : value
            : null;
    }

    /// <summary>A body that is sent at most once, and remembers whether it was.</summary>
    private sealed class OnceContent(byte[] body) : HttpContent
    {
        public bool Left { get; private set; }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            if (Left)
            {
                // A refresh token must not be spent twice by a retry below us.
                throw new HttpRequestException("The body was sent already.");
            }
            Left = true;
            return stream.WriteAsync(body, cancellationToken).AsTask();
        }

        protected override bool TryComputeLength(out long length)
        {
            length = body.Length;
            return true;
        }
    }
}

/// <summary>What a token endpoint said; prints nothing of it.</summary>
/// <param name="Status">The HTTP status; 0 when there was none.</param>
/// <param name="Body">The body where it is JSON.</param>
/// <param name="Otherwise">The answer, where the kind does not know better.</param>
internal readonly record struct TokenReply(int Status, JsonElement? Body, TokenAnswer Otherwise)
{
    /// <summary>Whether a token may be in it: a 200 with an error inside is none.</summary>
    public bool IsSuccess =>
        Status is >= 200 and < 300 && Body is { ValueKind: JsonValueKind.Object } && Otherwise.Kind != TokenAnswerKind.Refused;

    public override string ToString() => $"{Status}";
}
