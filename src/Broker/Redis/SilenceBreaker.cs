using StackExchange.Redis.Availability;

#pragma warning disable SER007 // The client may change it still.

namespace Broker.Redis;

/// <summary>Gives a connection up, so that the client opens another, when commands in a row ran out of time on it.</summary>
/// <remarks>
/// A connection may be open and deaf: a firewall that forgot it, a node that is gone without a word. Without a breaker the client keeps it. Its own
/// breaker counts errors that Redis answers as well: in a slot that moves, TRYAGAIN would end connections that are as good as before.
/// </remarks>
internal sealed class SilenceBreaker : CircuitBreaker
{
    private const int InARow = 2;

    public override Accumulator CreateAccumulator() => new Silence();

    private sealed class Silence : Accumulator
    {
        private int unanswered;

        public override void ObserveResult(in FaultContext fault)
        {
            if (fault.IsFault)
            {
                Interlocked.Increment(ref unanswered);
            }
            else
            {
                Reset();
            }
        }

        public override bool IsHealthy() => Volatile.Read(ref unanswered) < InARow;

        public override void Reset() => Volatile.Write(ref unanswered, 0);

        protected override bool IsFailure(in FaultContext fault) => fault.Fault is TimeoutException;
    }
}
