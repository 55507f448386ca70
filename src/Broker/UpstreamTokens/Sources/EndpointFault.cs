using System.Net.Sockets;
using Broker.Operations;

namespace Broker.UpstreamTokens;

/// <summary>Names by the exception that .NET's client met why a token endpoint gave no answer.</summary>
/// <remarks>The words are ours and go into the log: an exception's own may quote what came.</remarks>
internal static class EndpointFault
{
    /// <summary>A call of which the endpoint saw nothing.</summary>
    public static string BeforeItLeft(Exception failure) => Named(failure) ?? "not-connected";

    /// <summary>A call that left and has no whole answer.</summary>
    /// <param name="failure">What the client met.</param>
    /// <param name="isAnswered">Whether the answer had begun.</param>
    public static string AfterItLeft(Exception failure, bool isAnswered) =>
        Named(failure) switch
        {
            "malformed" => "malformed",
            _ => isAnswered ? "cut" : "closed",
        };

    /// <summary>The outermost exception that says it counts; but what is wrong with a certificate says more than that TLS failed.</summary>
    private static string? Named(Exception failure)
    {
        string? found = null;
        for (var exception = failure; exception is not null; exception = exception.InnerException)
        {
            if (exception is CertificateException certificate)
            {
                return certificate.Fault switch
                {
                    CertificateFault.Name => "tls-name",
                    CertificateFault.Expired => "tls-expired",
                    _ => "tls-trust",
                };
            }

            found ??= Word(exception);
        }

        return found;
    }

    private static string? Word(Exception exception) =>
        exception switch
        {
            TimeoutException => "connect-timeout", // the client puts one inside where it could not connect, TLS included, in its own time
            HttpRequestException request => Word(request.HttpRequestError),
            HttpIOException io => Word(io.HttpRequestError),
            SocketException { SocketErrorCode: SocketError.TimedOut } => "connect-timeout",
            _ => null,
        };

    private static string? Word(HttpRequestError error) =>
        error switch
        {
            HttpRequestError.NameResolutionError => "name-unknown",
            HttpRequestError.ConnectionError => "unreachable",
            HttpRequestError.SecureConnectionError => "tls-failed",
            HttpRequestError.InvalidResponse or HttpRequestError.HttpProtocolError => "malformed",
            HttpRequestError.ConfigurationLimitExceeded => "malformed", // its headers are over the limit
            _ => null,
        };
}
