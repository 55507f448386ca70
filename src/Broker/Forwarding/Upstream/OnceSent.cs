namespace Broker.Forwarding;

/// <summary>Holds a request that is not idempotent to one connection of HTTP/1.1.</summary>
/// <remarks>
/// .NET's client sends a request again, by itself, when a kept connection closes before the answer and no body was sent; for a POST that
/// may be the second time that the upstream acts on it (RFC 9110, 9.2.2). Nothing tells it not to, so the second connection does not take
/// the request. GET, HEAD, OPTIONS, PUT and DELETE are idempotent and may go again. HTTP/2 needs none of this: there the client sends
/// again only what the upstream said it has not looked at (GOAWAY, REFUSED_STREAM).
/// </remarks>
internal sealed class OnceSent
{
    private static readonly AsyncLocal<OnceSent?> Sending = new();

    private Stream? connection;

    /// <summary>Whether the client could send it a second time, and must not.</summary>
    public static bool IsDue(HttpRequestMessage request) =>
        request.Method.Method is not ("GET" or "HEAD" or "OPTIONS" or "PUT" or "DELETE")
        && (request.Content is null || request.Headers.NonValidated.Contains("Expect")); // which waits with the body

    /// <summary>What is sent from here on in this flow is one request, to be sent once.</summary>
    public static void Begin() => Sending.Value = new();

    /// <summary>To be called before anything is written to a connection.</summary>
    public static void Hold(Stream connection)
    {
        if (
            Sending.Value is { } once
            && Interlocked.CompareExchange(ref once.connection, connection, null) is { } first
            && first != connection
        )
        {
            throw new NotSentAgainException();
        }
    }
}

/// <summary>A kept connection closed as the request came, and it was not sent again.</summary>
internal sealed class NotSentAgainException()
    : IOException("The connection closed, and a request that is not idempotent is not sent again.");
