using System.Net;

namespace Broker.Forwarding;

/// <summary>An upstream's ways to say that it does not take the token.</summary>
internal static class UpstreamTokenRefusal
{
    public static bool Is(HttpResponseMessage answer) => answer.StatusCode == HttpStatusCode.Unauthorized || IsOfACall(answer);

    /// <summary>gRPC's UNAUTHENTICATED (16) as a status alone: it stands among the headers, so no message came before it.</summary>
    public static bool IsOfACall(HttpResponseMessage answer) =>
        answer.StatusCode == HttpStatusCode.OK
        && answer.Headers.NonValidated.TryGetValues("grpc-status", out var status)
        && status.ToString().AsSpan().Trim() is "16"
        && answer.Content.Headers.NonValidated.TryGetValues("Content-Type", out var type)
        && type.ToString().StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase);
}
