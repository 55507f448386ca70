using StackExchange.Redis.Availability;

#pragma warning disable SER007 // The client may change it still.

namespace Broker.Redis;

/// <summary>
/// Gives a connection up when a command ran out of time on it, so that the client opens another: nothing came back for a CallTimeout.
/// </summary>
/// <remarks>
/// A connection may be open and deaf: a firewall that forgot it, a node that is gone without a word. The client by itself keeps it for more
/// than four time-outs. Its own breaker counts errors that Redis answers as well: in a slot that moves, TRYAGAIN would end connections that
/// are good. Answers come in the order of the commands. So a second time-out would prove no more than the first, and calls that come one
/// after the other would wait for it. A server that only was slow costs one new connection.
/// </remarks>
internal sealed class SilenceBreaker : CircuitBreaker
{
    public override Accumulator CreateAccumulator() => new Silence();

    private sealed class Silence : Accumulator
    {
        private volatile bool isSilent;

        public override void ObserveResult(in FaultContext fault) => isSilent = IsFailure(fault);

        public override bool IsHealthy() => !isSilent;

        public override void Reset() => isSilent = false;

        protected override bool IsFailure(in FaultContext fault) => fault.Fault is TimeoutException;
    }
}
