using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Model;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace Broker.Forwarding;

/// <summary>What the broker does to the upstream's request and answer, beside the config's own transforms.</summary>
internal sealed class BrokerTransforms(ILogger<BrokerTransforms> log) : ITransformProvider
{
    private static readonly UriCreationOptions RawAddress = new() { DangerousDisablePathAndQueryCanonicalization = true };

    public void ValidateRoute(TransformRouteValidationContext context) { }

    public void ValidateCluster(TransformClusterValidationContext context) { }

    public void Apply(TransformBuilderContext context)
    {
        context.AddRequestTransform(Outgoing);
        if (context.UseDefaultForwarders ?? true)
        {
            context.UseDefaultForwarders = false; // YARP's would repeat the caller's Host
            context.AddRequestTransform(Forwarded);
        }

        // First, so that what the config's transforms and YARP's session affinity add stays.
        context.ResponseTransforms.Insert(0, new IncomingResponse(log));
        context.ResponseTransforms.Add(new StreamHead());
        context.ResponseTrailersTransforms.Insert(0, new IncomingTrailers());
    }

    private static ValueTask Outgoing(RequestTransformContext context)
    {
        var passage = BrokeredRequest.Of(context.HttpContext);
        context.ProxyRequest.Options.Set(BrokeredRequest.Key, passage);
        // Set, never compared: YARP leaves the caller's Host wherever it is spelt in two ways, such as punycode and its letters.
        // Without one the client takes Host, SNI and the name in the certificate from the destination's address.
        var ownHost = context.HttpContext.Features.Get<IReverseProxyFeature>()?.ProxiedDestination?.Model.Config.Host;
        context.ProxyRequest.Headers.Host = string.IsNullOrEmpty(ownHost) ? null : ownHost;
        context.ProxyRequest.RequestUri = AddressOf(context, passage.Route!);
        if (context.HttpContext.Request.Headers.Cookie.Count > 0)
        {
            context.ProxyRequest.Headers.Remove("Cookie"); // the caller's cookies are for nobody behind us
        }

        if (context.HttpContext.Request.Headers.Expect.Count > 0)
        {
            context.ProxyRequest.Headers.Remove("Expect"); // the server has answered it, or will
        }

        return default;
    }

    private static ValueTask Forwarded(RequestTransformContext context)
    {
        ForwardedBy.PutOn(context.ProxyRequest, context.HttpContext, BrokeredRequest.Of(context.HttpContext).ForwardedBy);
        return default;
    }

    /// <summary>Path and query leave byte for byte: <see cref="Uri"/> would decode some of their escapes.</summary>
    private static Uri AddressOf(RequestTransformContext context, CompiledRoute route)
    {
        var request = context.HttpContext;
        var raw = PathRule.RawPath(request.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        var path = route.Path.Write(raw, request.Request.RouteValues);
        var destination = context.DestinationPrefix;
        if (!Ascii.IsValid(destination))
        {
            destination = new Uri(destination).AbsoluteUri;
        }

        if (path.Length == 0 && destination.IndexOf('/', destination.IndexOf("://", StringComparison.Ordinal) + 3) < 0)
        {
            path = "/"; // an address has a path (RFC 9112, 3.2.1)
        }

        var prefix = path.Length > 0 && destination.EndsWith('/') ? destination.AsSpan(0, destination.Length - 1) : destination;
        return new(string.Concat(prefix, path, context.Query.QueryString.ToUriComponent()), RawAddress);
    }

    private sealed class IncomingResponse(ILogger log) : ResponseTransform
    {
        public override ValueTask ApplyAsync(ResponseTransformContext context)
        {
            var passage = BrokeredRequest.Of(context.HttpContext);
            if (passage.Refusal is not null)
            {
                context.SuppressResponseBody = true; // the edge answers
                return default;
            }

            if (context.ProxyResponse is { } answer)
            {
                passage.IsAnswered = true;
                ResponseRule.Apply(context.HttpContext, answer, passage.Route!, log);
                context.SuppressResponseBody = ResponseRule.FrameEmpty(context.HttpContext.Response);
            }
            else
            {
                Fault.ExcuseDestination(context.HttpContext, passage);
            }

            return default;
        }
    }

    /// <summary>A stream's head goes to the caller at once: it may wait for it before it sends, or shows, anything.</summary>
    private sealed class StreamHead : ResponseTransform
    {
        public override ValueTask ApplyAsync(ResponseTransformContext context)
        {
            if (context.SuppressResponseBody || context.ProxyResponse is not { } answer || !IsStream(answer))
            {
                return default;
            }

            BrokeredRequest.Of(context.HttpContext).IsEndless = true;
            return new(context.HttpContext.Response.Body.FlushAsync(context.HttpContext.RequestAborted));
        }

        // An answer of gRPC's that is a status alone must keep its end of stream on its head.
        private static bool IsStream(HttpResponseMessage answer) =>
            answer.Content.Headers.ContentType?.MediaType is { } type
            && !answer.Headers.Contains("grpc-status")
            && (
                type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase)
                || type.Equals("text/event-stream", StringComparison.OrdinalIgnoreCase)
            );
    }

    private sealed class IncomingTrailers : ResponseTrailersTransform
    {
        public override ValueTask ApplyAsync(ResponseTrailersTransformContext context)
        {
            var trailers = context.HttpContext.Features.Get<IHttpResponseTrailersFeature>()?.Trailers;
            if (trailers is { Count: > 0, IsReadOnly: false })
            {
                // An address at the end comes too late for anybody to follow it, and it is not mapped.
                foreach (var (name, _) in ResponseRule.DropForbidden(trailers, BrokeredRequest.Of(context.HttpContext).Route!) ?? [])
                {
                    trailers.Remove(name);
                }
            }

            return default;
        }
    }
}
