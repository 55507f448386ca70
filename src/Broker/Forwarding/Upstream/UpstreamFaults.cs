using System.Net.Sockets;
using Broker.Operations;

namespace Broker.Forwarding;

/// <summary>Names the upstream's fault by the exception that .NET's client met: each kind its code.</summary>
/// <remarks>The reason is for the log, in words of ours: an exception's own may quote what came.</remarks>
internal static class UpstreamFaults
{
    /// <summary>The innermost exception that says what happened counts.</summary>
    /// <param name="failure">What YARP's forwarder reports.</param>
    /// <param name="isAnswered">Whether the upstream's answer had begun.</param>
    public static Fault Of(Exception? failure, bool isAnswered)
    {
        Fault? found = null;
        foreach (var exception in Chain(failure))
        {
            var next = Specific(exception, isAnswered);
            if (next is not null && !(IsOfConnecting(found) && next.Value.Refusal == Refusal.UpstreamClosed))
            {
                found = next;
            }
        }

        return found ?? new(Refusal.RequestUnsendable, failure?.GetType().Name ?? "no exception");
    }

    // That the socket closed says less than what it closed under.
    private static bool IsOfConnecting(Fault? fault) =>
        fault?.Refusal is { } refusal
        && (refusal == Refusal.UpstreamUnreachable || refusal == Refusal.UpstreamNameUnknown || refusal == Refusal.UpstreamTlsFailed);

    /// <summary>The exception and what it holds, outermost first.</summary>
    private static IEnumerable<Exception> Chain(Exception? failure) =>
        failure switch
        {
            null => [],
            AggregateException several => several.InnerExceptions.SelectMany(Chain),
            _ => Chain(failure.InnerException).Prepend(failure),
        };

    private static Fault? Specific(Exception exception, bool isAnswered) =>
        exception switch
        {
            CertificateException { Fault: CertificateFault.Name } => new(Refusal.UpstreamTlsName, "its certificate is for another name"),
            CertificateException { Fault: CertificateFault.Expired } => new(
                Refusal.UpstreamTlsExpired,
                "its certificate is expired, or not valid yet"
            ),
            CertificateException => new(Refusal.UpstreamTlsTrust, "its certificate is not of a trusted authority"),
            NotSentAgainException => Closed(isAnswered, "a kept connection closed (what is not idempotent is not sent again)"),
            HttpProtocolException protocol => ProtocolFault(protocol.ErrorCode, isAnswered),
            HttpRequestException request => ByError(request.HttpRequestError, isAnswered),
            HttpIOException io => ByError(io.HttpRequestError, isAnswered),
            SocketException socket => BySocket(socket.SocketErrorCode, isAnswered),
            IOException => Closed(isAnswered, "the connection broke"),
            _ when exception.GetType().Name == "HPackDecodingException" => // the type is internal
            new(Refusal.UpstreamAnswerMalformed, "its HTTP/2 head cannot be decoded"),
            _ => null,
        };

    private static Fault? ByError(HttpRequestError error, bool isAnswered) =>
        error switch
        {
            HttpRequestError.NameResolutionError => new(Refusal.UpstreamNameUnknown, "its name cannot be resolved"),
            HttpRequestError.ConnectionError => new(Refusal.UpstreamUnreachable, "no connection"),
            HttpRequestError.SecureConnectionError => new(Refusal.UpstreamTlsFailed, "the TLS handshake failed"),
            HttpRequestError.ResponseEnded => Closed(isAnswered, "the connection closed"),
            HttpRequestError.InvalidResponse => new(Refusal.UpstreamAnswerMalformed, "what it sent is not HTTP"),
            HttpRequestError.ConfigurationLimitExceeded => new(Refusal.UpstreamAnswerMalformed, "its headers are over the limit"),
            HttpRequestError.HttpProtocolError => new(Refusal.UpstreamAnswerMalformed, "it broke the rules of its HTTP version"),
            HttpRequestError.VersionNegotiationError or HttpRequestError.ExtendedConnectNotSupported => new(
                Refusal.UpstreamVersion,
                "it does not speak the HTTP version that the cluster asks for"
            ),
            _ => null,
        };

    private static Fault? BySocket(SocketError error, bool isAnswered) =>
        error switch
        {
            SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData or SocketError.NoRecovery => new(
                Refusal.UpstreamNameUnknown,
                $"its name cannot be resolved ({error})"
            ),
            SocketError.TimedOut => new(isAnswered ? Refusal.UpstreamAnswerCut : Refusal.UpstreamConnectTimeout, "no packet came back"),
            SocketError.ConnectionRefused
            or SocketError.HostUnreachable
            or SocketError.NetworkUnreachable
            or SocketError.HostDown
            or SocketError.NetworkDown
            or SocketError.AddressNotAvailable
            or SocketError.AccessDenied => new(Refusal.UpstreamUnreachable, $"no connection ({error})"),
            _ => Closed(isAnswered, $"the connection broke ({error})"),
        };

    // RFC 9113, 7: these say that one side broke the rules; the others are a decision of the upstream's.
    private static Fault ProtocolFault(long code, bool isAnswered) =>
        code is 1 or 3 or 4 or 5 or 6 or 9
            ? new(Refusal.UpstreamAnswerMalformed, $"an HTTP/2 protocol error (0x{code:x})")
            : Closed(isAnswered, $"it ended the HTTP/2 stream or connection (0x{code:x})");

    private static Fault Closed(bool isAnswered, string reason) =>
        isAnswered
            ? new(Refusal.UpstreamAnswerCut, $"{reason} in the middle of its answer")
            : new(Refusal.UpstreamClosed, $"{reason} before its answer");
}
