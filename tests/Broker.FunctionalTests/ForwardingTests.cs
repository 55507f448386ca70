using Shouldly;
using Xunit;

namespace Broker.FunctionalTests;

public sealed class ForwardingTests
{
    [Fact]
    public async Task A_granted_request_reaches_the_upstream_with_our_token_and_without_the_callers_key()
    {
        await using var upstream = await EchoUpstream.Start();
        await using var broker = await BrokerUnderTest.Start(
            TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll)).ToJsonString(),
            TestConfig.Environment
        );

        var answer = await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/hello"));

        ((int)answer.StatusCode).ShouldBe(200);
        upstream.Only.Headers["Authorization"].ShouldBe($"Bearer {TestConfig.UpstreamSecret}");
        upstream.Only.Headers.ShouldNotContainKey("X-Api-Key");
        (await broker.LogHolding("key:tester")).ShouldNotContain(TestConfig.UpstreamSecret);
    }
}
