using Broker.Redis;
using Shouldly;
using StackExchange.Redis.Availability;
using Xunit;

#pragma warning disable SER007 // The client may change it still.

namespace Broker.Tests.Redis;

public sealed class SilenceBreakerTests
{
    private readonly CircuitBreaker.Accumulator silence = new SilenceBreaker().CreateAccumulator();

    [Fact]
    public void A_connection_is_given_up_when_two_commands_in_a_row_ran_out_of_time()
    {
        See(new TimeoutException());
        silence.IsHealthy().ShouldBeTrue();
        See(new TimeoutException());
        silence.IsHealthy().ShouldBeFalse();
        silence.Reset();
        silence.IsHealthy().ShouldBeTrue();
    }

    [Fact]
    public void An_answer_in_between_begins_the_count_anew()
    {
        for (var i = 0; i < 5; i++)
        {
            See(new TimeoutException());
            silence.ObserveResult(default);
        }

        silence.IsHealthy().ShouldBeTrue();
    }

    private void See(Exception fault) => silence.ObserveResult(new FaultContext(fault));
}
