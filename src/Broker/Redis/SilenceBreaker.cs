using StackExchange.Redis.Availability;

#pragma warning disable SER007 // The client may change it still.

namespace Broker.Redis;

/// <summary>Gives a connection up, so that the client opens another, when a command ran out of time on it: nothing came back for a whole CallTimeout.</summary>
/// <remarks>
/// A connection may be open and deaf: a firewall that forgot it, a node that is gone without a word. The client by itself keeps it for four time-outs
/// and more. Its own breaker counts errors that Redis answers as well: in a slot that moves, TRYAGAIN would end connections that are as good as before.
/// Answers come in the order of the commands, so that a second time-out would prove no more than the first, and calls that come one after the other
/// would wait for it. A server that only was slow costs one new connection.
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
