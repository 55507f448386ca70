namespace Broker.Forwarding;

/// <summary>What became of a request or an answer on its way across (event ids 420-439).</summary>
internal static partial class TransformLog
{
    // Not the address itself: it may hold a secret of the upstream's.
    [LoggerMessage(
        420,
        LogLevel.Information,
        "Dropped the header {Header} of an upstream's response on route {Route}, because the caller could not use its "
            + "address: {Reason}"
    )]
    public static partial void AddressDropped(ILogger logger, string header, string route, string reason);
}
