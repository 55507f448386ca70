using Broker.UpstreamTokens;
using Microsoft.Extensions.Time.Testing;
using Shouldly;
using Xunit;

namespace Broker.Tests.UpstreamTokens;

public sealed class UpstreamTokenTests
{
    private readonly FakeTimeProvider clock = new();

    [Fact]
    public void A_header_takes_the_place_of_whatever_stood_there()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://x/");
        request.Headers.TryAddWithoutValidation("authorization", ["Bearer caller", "Basic caller"]);
        UpstreamToken.Fetched(clock, "Bearer", "ours", long.MaxValue, long.MaxValue).PutOn(request);
        request.Headers.GetValues("Authorization").ShouldBe(["Bearer ours"]);
    }

    [Theory]
    [InlineData("http://x/a", "http://x/a?api%20key=a%26b%3D%2B")]
    [InlineData("http://x/a?b=1&api%20key=caller&c=%2f", "http://x/a?b=1&c=%2f&api%20key=a%26b%3D%2B")]
    [InlineData("http://x/a?API+KEY=caller&api%20key&b=1", "http://x/a?b=1&api%20key=a%26b%3D%2B")]
    [InlineData("http://x/a%2Fb/?", "http://x/a%2Fb/?api%20key=a%26b%3D%2B")]
    public void A_query_value_takes_the_place_of_all_of_its_name(string address, string expected)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        var token = UpstreamToken.FixedQuery(clock, "api key", "a&b=+");
        token.PutOn(request);
        request.RequestUri!.AbsoluteUri.ShouldBe(expected);
        token.PutOn(request);
        request.RequestUri.AbsoluteUri.ShouldBe(expected);
        token.HeaderName.ShouldBeNull();
    }

    [Fact]
    public void It_is_over_at_its_end_and_prints_nothing()
    {
        var token = UpstreamToken.Fetched(clock, "Bearer", "secret", clock.GetTimestamp() + TimeSpan.FromSeconds(10).Ticks, 0);
        clock.Advance(TimeSpan.FromSeconds(9.999));
        token.IsOver.ShouldBeFalse();
        clock.Advance(TimeSpan.FromSeconds(0.001));
        token.IsOver.ShouldBeTrue();
        token.ToString().ShouldBe("***");
    }
}
