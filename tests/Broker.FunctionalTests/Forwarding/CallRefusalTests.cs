using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>gRPC's status 16, alone and before any message, is a 401.</summary>
public sealed class CallRefusalTests
{
    [Theory]
    [InlineData("application/grpc", "16")]
    [InlineData("application/grpc+proto", "16")]
    [InlineData("application/grpc-web", "16")]
    [InlineData("Application/GRPC", " 16 ")]
    public async Task A_refused_token_is_replaced_and_the_call_made_again(string type, string status)
    {
        await using var bench = await Start(type, status);

        using var answer = await bench.Send(Message());

        (await answer.Content.ReadAsStringAsync()).ShouldBe("accepted");
        bench.Bodies.ShouldBe(["a message"]);
        (bench.Tokens.Logins, bench.Upstream.Requests.Count).ShouldBe((2, 2));
    }

    [Fact]
    public async Task A_call_whose_body_was_not_kept_is_passed_as_it_is_and_the_next_has_another_token()
    {
        await using var bench = await Start("application/grpc", "16", """{ "ReplayBodyLimit": 4 }""");

        using var answer = await bench.Send(Message());

        ((int)answer.StatusCode).ShouldBe(200);
        StatusOf(answer).ShouldBe("16");
        bench.Tokens.Logins.ShouldBe(2);
        using var next = await bench.Send(Message());
        (await next.Content.ReadAsStringAsync()).ShouldBe("accepted");
    }

    [Fact]
    public async Task A_call_that_is_refused_again_is_refused_as_a_401_is()
    {
        await using var bench = await Start("application/grpc", "16");
        bench.Refusals = 2;

        await (await bench.Send(Message())).ShouldRefuse(502, "upstream-refused-token");

        bench.Tokens.Logins.ShouldBe(2);
    }

    [Theory]
    [InlineData("application/grpc", "7")]
    [InlineData("application/grpc", "0")]
    [InlineData("application/grpc", "160")]
    [InlineData("application/grpc", "")]
    [InlineData("application/json", "16")]
    public async Task Any_other_status_is_the_callers_to_see(string type, string status)
    {
        await using var bench = await Start(type, status);

        using var answer = await bench.Send(Message());

        StatusOf(answer).ShouldBe(status);
        (bench.Tokens.Logins, bench.Upstream.Requests.Count).ShouldBe((1, 1));
    }

    [Fact]
    public async Task A_status_16_behind_a_message_is_the_callers_to_see()
    {
        await using var bench = await Start("application/grpc", "16");
        bench.Refuse = async context =>
        {
            context.Response.ContentType = "application/grpc";
            await context.Response.WriteAsync("a message");
            context.Response.AppendTrailer("grpc-status", "16");
        };

        using var answer = await bench.Send(Message());

        (await answer.Content.ReadAsStringAsync()).ShouldBe("a message");
        answer.TrailingHeaders.GetValues("grpc-status").ShouldBe(["16"]);
        bench.Tokens.Logins.ShouldBe(1);
    }

    private static async Task<ReplayBench> Start(string type, string status, string forwarding = "{}")
    {
        var bench = await ReplayBench.Start(forwarding, isUpstreamHttp2: true, isCallerHttp2: true);
        bench.Refuse = async context =>
        {
            await ReplayBench.Body(context);
            context.Response.ContentType = type;
            context.Response.Headers["grpc-status"] = status;
        };
        return bench;
    }

    private static ByteArrayContent Message() =>
        new("a message"u8.ToArray()) { Headers = { ContentType = MediaTypeHeaderValue.Parse("application/grpc") } };

    private static string StatusOf(HttpResponseMessage answer) => answer.Headers.GetValues("grpc-status").Single();
}
