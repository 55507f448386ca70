using System.Diagnostics;
using OpenTelemetry;

namespace Broker.Operations;

/// <summary>Takes whatever a caller wrote out of the spans of HTTP requests, since any of it may hold a secret.</summary>
/// <remarks>
/// The tags that stay are named, so that a tag that a newer package adds is taken out as well. The filter runs when a span ends:
/// a span of a request to an upstream has its tags only then. The trace state is the caller's own header, and every span below the
/// first inherits it.
/// </remarks>
internal sealed class SpanFilter : BaseProcessor<Activity>
{
    private static readonly HashSet<string> Kept =
    [
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "url.scheme",
        "network.protocol.name",
        "network.protocol.version",
        "error.type",
    ];

    // Of a request that the broker sends these are in its config; of one that it receives they are in the Host header.
    private static readonly HashSet<string> KeptOfClient = [.. Kept, "server.address", "server.port"];

    public override void OnEnd(Activity data)
    {
        data.TraceStateString = "";
        if (data.Source.Name is "Broker.UpstreamTokens" or "Yarp.ReverseProxy")
        {
            return; // their tags are names of the config
        }
        var kept = data.Kind == ActivityKind.Client ? KeptOfClient : Kept;
        foreach (var name in data.TagObjects.Select(tag => tag.Key).Where(name => !kept.Contains(name)).ToArray())
        {
            data.SetTag(name, null);
        }
    }
}
