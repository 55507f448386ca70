namespace Broker.Forwarding;

/// <summary>What became of a request or an answer on its way across (event ids 420-439).</summary>
internal static partial class TransformLog
{
    // Not the address itself: it may hold a secret of the upstream's.
    [LoggerMessage(
        420,
        LogLevel.Information,
        "The header {Header} of an upstream's answer on route {Route} was dropped: an address that the caller could use was "
            + "expected, and {Reason}"
    )]
    public static partial void AddressDropped(ILogger logger, string header, string route, string reason);
}
