using Broker.Redis;
using Shouldly;
using StackExchange.Redis;
using StackExchange.Redis.Availability;
using Xunit;

#pragma warning disable SER007 // The client may change it still.

namespace Broker.Tests.Redis;

public sealed class SilenceBreakerTests
{
    private readonly CircuitBreaker.Accumulator silence = new SilenceBreaker().CreateAccumulator();

    [Fact]
    public void A_connection_is_given_up_when_a_command_ran_out_of_time()
    {
        silence.IsHealthy().ShouldBeTrue();
        See(new TimeoutException());
        silence.IsHealthy().ShouldBeFalse();
    }

    [Fact]
    public void An_answer_makes_it_good_again_and_an_error_that_redis_answers_is_one()
    {
        See(new TimeoutException());
        silence.ObserveResult(default);
        silence.IsHealthy().ShouldBeTrue();

        See(
            new RedisServerException(RedisErrorKind.TryAgain, CommandFlags.None, "TRYAGAIN Multiple keys request during rehashing of slot")
        );
        silence.IsHealthy().ShouldBeTrue();
    }

    private void See(Exception fault) => silence.ObserveResult(new FaultContext(fault));
}
