using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Forwarder;

namespace Broker.Forwarding;

/// <summary>Why a request that was let through has no whole answer.</summary>
/// <param name="Refusal">What the caller reads, where it can still read anything, and what the log calls it.</param>
/// <param name="Reason">For the log: words of ours.</param>
internal readonly record struct Fault(Refusal Refusal, string Reason)
{
    // Kestrel says this of a body whose connection ended; to it that is a 400, as a malformed body is.
    private const string EndOfConnection = "Unexpected end of request content.";

    private const string CallersBody = "the caller's body";

    /// <summary>Whether a line at Warning has to say so: what callers do is in their request's own line.</summary>
    public bool IsUpstreams => Refusal.Status >= 500;

    /// <summary>Whose fault, and which, by what YARP's forwarder reports.</summary>
    public static Fault? Of(IForwarderErrorFeature failed, BrokeredRequest passage)
    {
        if (failed is Excused { Met: var met })
        {
            failed = met;
        }

        if (passage.Body?.ReadFailure is { } failure)
        {
            return new(OfTheCaller(failure), CallersBody);
        }

        return failed.Error switch
        {
            ForwarderError.None => null,
            ForwarderError.NoAvailableDestinations => new(Refusal.UpstreamUnhealthy, "health checks leave no destination"),
            ForwarderError.RequestBodyClient when IsCancellation(failed.Exception) => Canceled(failed, passage),
            ForwarderError.RequestBodyClient => new(OfTheCaller(failed.Exception), CallersBody),
            ForwarderError.ResponseBodyClient => Left,
            ForwarderError.UpgradeRequestClient or ForwarderError.UpgradeResponseClient => Left,
            ForwarderError.RequestTimedOut or ForwarderError.RequestCanceled => Canceled(failed, passage),
            ForwarderError.RequestBodyCanceled or ForwarderError.ResponseBodyCanceled => Canceled(failed, passage),
            ForwarderError.UpgradeRequestCanceled or ForwarderError.UpgradeResponseCanceled => Canceled(failed, passage),
            ForwarderError.UpgradeActivityTimeout => Canceled(failed, passage),
            ForwarderError.ResponseHeaders => new(Refusal.UpstreamAnswerMalformed, "its head cannot be passed on"),
            _ when IsCancellation(failed.Exception) => Canceled(failed, passage), // to YARP, a read that timed out failed
            ForwarderError.RequestCreation => new(Refusal.RequestUnsendable, failed.Exception?.GetType().Name ?? "no exception"),
            _ => UpstreamFaults.Of(failed.Exception, passage.IsAnswered),
        };
    }

    /// <summary>
    /// YARP's passive health policy would hold these against the destination, though they are the caller's, or say nothing of it.
    /// </summary>
    public static void ExcuseDestination(HttpContext context, BrokeredRequest passage)
    {
        if (
            context.Features.Get<IForwarderErrorFeature>() is { } failed
            && Of(failed, passage) is { } fault
            && (!fault.IsUpstreams || fault.Refusal == Refusal.RequestUnsendable)
        )
        {
            context.Features.Set<IForwarderErrorFeature>(new Excused(failed));
        }
    }

    /// <summary>Why a body could not be read to its end.</summary>
    public static Refusal OfTheCaller(Exception? failure)
    {
        // YARP tells of the request's failure behind that of its body.
        var first = failure is AggregateException { InnerExceptions: [var body, ..] } ? body : failure;
        return (BadRequestIn(failure), first) switch
        {
            (MethodOverrideException, _) => Refusal.NotAllowedHere(
                "The body's field '_method' could change the method: it is not allowed."
            ),
            (JsonEncodingException, _) => Refusal.NotAllowedHere("JSON has to be in UTF-8: it has to be looked into."),
            ({ StatusCode: StatusCodes.Status413PayloadTooLarge }, _) => Refusal.BodyTooLarge,
            ({ StatusCode: StatusCodes.Status408RequestTimeout }, _) => Refusal.BodyTooSlow,
            ({ Message: EndOfConnection }, _) or (null, IOException or OperationCanceledException) => Refusal.CallerLeft,
            _ => Refusal.BadRequest("The request's body broke off."),
        };
    }

    /// <summary>A connection that breaks fails a read of the body a moment before the server says that the request was aborted.</summary>
    public static bool IsOfTheConnection(Exception failure) => failure is IOException and not BadHttpRequestException;

    private static bool IsCancellation(Exception? failure) =>
        failure is OperationCanceledException or AggregateException { InnerExceptions: [OperationCanceledException, ..] };

    private static Fault Canceled(IForwarderErrorFeature failed, BrokeredRequest passage) =>
        passage.HasCallerLeft ? Left : TimedOut(failed, passage);

    private static Fault Left => new(Refusal.CallerLeft, "the caller's connection");

    private static BadHttpRequestException? BadRequestIn(Exception? failure) =>
        failure switch
        {
            null => null,
            BadHttpRequestException found => found,
            AggregateException several => several.InnerExceptions.Select(BadRequestIn).FirstOrDefault(found => found is not null),
            _ => BadRequestIn(failure.InnerException),
        };

    private static Fault TimedOut(IForwarderErrorFeature failed, BrokeredRequest passage)
    {
        if (passage.Body is { IsWaitingForCaller: true })
        {
            return new(Refusal.BodyTooSlow, CallersBody);
        }

        // The client puts a TimeoutException inside when it could not connect, TLS included, in its own time.
        return failed is { Error: ForwarderError.RequestTimedOut, Exception.InnerException: TimeoutException }
            ? new(Refusal.UpstreamConnectTimeout, "no connection within the time for it")
            : new(
                Refusal.UpstreamTimeout,
                passage.IsAnswered ? "nothing more came in time, in the middle of its answer" : "no answer came in time"
            );
    }

    /// <summary>A failure of the caller's, as YARP knows them.</summary>
    private sealed class Excused(IForwarderErrorFeature met) : IForwarderErrorFeature
    {
        public IForwarderErrorFeature Met => met;

        public ForwarderError Error => ForwarderError.RequestBodyClient;

        public Exception? Exception => met.Exception;
    }
}
