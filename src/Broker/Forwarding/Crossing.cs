using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace Broker.Forwarding;

/// <summary>What the broker does to the upstream's request and answer, beside the config's own transforms.</summary>
internal sealed class Crossing : ITransformProvider
{
    public void ValidateRoute(TransformRouteValidationContext context)
    {
    }

    public void ValidateCluster(TransformClusterValidationContext context)
    {
    }

    public void Apply(TransformBuilderContext context)
    {
        context.AddRequestTransform(Outgoing);

        // First, so that what the config's transforms and YARP's session affinity add stays.
        context.ResponseTransforms.Insert(0, new IncomingAnswer());
        context.ResponseTransforms.Add(new StreamHead());
        context.ResponseTrailersTransforms.Insert(0, new IncomingTrailers());
    }

    private static ValueTask Outgoing(RequestTransformContext context)
    {
        var passage = Passage.Of(context.HttpContext);
        context.ProxyRequest.Options.Set(Passage.Key, passage);
        if (context.HttpContext.Request.Headers.Cookie.Count > 0)
        {
            context.ProxyRequest.Headers.Remove("Cookie"); // the caller's cookies are for nobody behind us
        }

        return default;
    }

    private sealed class IncomingAnswer : ResponseTransform
    {
        public override ValueTask ApplyAsync(ResponseTransformContext context)
        {
            var passage = Passage.Of(context.HttpContext);
            if (passage.Refusal is not null)
            {
                context.SuppressResponseBody = true; // the edge answers
                return default;
            }

            if (context.ProxyResponse is { } answer)
            {
                passage.IsAnswered = true;
                AnswerRule.Apply(context.HttpContext, answer, passage.Route!);
            }

            return default;
        }
    }

    /// <summary>A stream's head goes to the caller at once: it may wait for it before it sends, or shows, anything.</summary>
    private sealed class StreamHead : ResponseTransform
    {
        public override async ValueTask ApplyAsync(ResponseTransformContext context)
        {
            if (!context.SuppressResponseBody && context.ProxyResponse is { } answer && IsStream(answer))
            {
                Passage.Of(context.HttpContext).IsEndless = true;
                await context.HttpContext.Response.Body.FlushAsync(context.HttpContext.RequestAborted);
            }
        }

        // An answer of gRPC's that is a status alone must keep its end of stream on its head.
        private static bool IsStream(HttpResponseMessage answer) =>
            answer.Content.Headers.ContentType?.MediaType is { } type && !answer.Headers.Contains("grpc-status")
            && (type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) || type.Equals("text/event-stream", StringComparison.OrdinalIgnoreCase));
    }

    private sealed class IncomingTrailers : ResponseTrailersTransform
    {
        public override ValueTask ApplyAsync(ResponseTrailersTransformContext context)
        {
            var trailers = context.HttpContext.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpResponseTrailersFeature>()?.Trailers;
            if (trailers is { Count: > 0, IsReadOnly: false })
            {
                AnswerRule.DropForbidden(trailers, Passage.Of(context.HttpContext).Route!);
            }

            return default;
        }
    }
}
