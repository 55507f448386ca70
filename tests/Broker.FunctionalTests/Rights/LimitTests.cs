using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>Limits on what comes in: header and target size, and requests of one caller at the same time.</summary>
public sealed class LimitTests : IAsyncLifetime
{
    private readonly SemaphoreSlim arrived = new(0);
    private TaskCompletionSource hold = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private EchoUpstream upstream = null!;
    private BrokerUnderTest broker = null!;

    public async ValueTask InitializeAsync()
    {
        upstream = await EchoUpstream.Start();
        upstream.Answer = async context =>
        {
            arrived.Release();
            if (context.Request.Path == "/held")
            {
                await hold.Task.WaitAsync(context.RequestAborted);
            }

            await context.Response.WriteAsync("ok");
        };
        var config = Stage.ConfigOf(upstream.Address, ("all", TestConfig.CatchAll));
        config["Broker"]!["Callers"]!["tester"]!["ConcurrentRequests"] = 2;
        config["Broker"]!["Limits"] = JsonNode.Parse(
            """{ "ConcurrentRequestsPerCaller": 1, "RequestHeaderBytes": 4096, "RequestLineBytes": 1024 }"""
        );
        broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
    }

    public async ValueTask DisposeAsync()
    {
        hold.TrySetResult();
        await broker.DisposeAsync();
        await upstream.DisposeAsync();
        arrived.Dispose();
    }

    [Fact]
    public async Task A_caller_over_its_limit_is_told_when_to_come_back_while_others_pass()
    {
        var held = new[] { Get("/held"), Get("/held") };
        await Arrived(2);

        var refused = await Get("/x");
        (refused.Status, refused.Code, refused["Retry-After"]).ShouldBe((429, "rate-limited", "1"));
        (refused["X-RateLimit-Limit"], refused["X-RateLimit-Remaining"], refused["X-RateLimit-Reset"]).ShouldBe(("2", "0", "1"));
        (await Get("/x", Stage.Narrow)).Status.ShouldBe(200);

        hold.SetResult();
        (await Task.WhenAll(held)).ShouldAllBe(answer => answer.Status == 200);
        await AllSlotsAreFree();
    }

    [Fact]
    public async Task The_limit_of_the_config_holds_for_a_caller_that_names_none()
    {
        var held = Get("/held", Stage.Narrow);
        await Arrived(1);

        (await Get("/x", Stage.Narrow)).Code.ShouldBe("rate-limited");

        hold.SetResult();
        (await held).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_place_is_given_back_after_a_refusal()
    {
        for (var i = 0; i < 5; i++)
        {
            (await Get("/x?unlisted=1")).Code.ShouldBe("not-allowed-here");
            (await Get("/x;y")).Code.ShouldBe("bad-path");
        }

        upstream.Answer = context =>
        {
            context.Response.StatusCode = 401;
            return Task.CompletedTask;
        };
        for (var i = 0; i < 5; i++)
        {
            (await Get("/x")).Code.ShouldBe("upstream-refused-token");
        }

        upstream.Answer = context =>
        {
            context.Abort();
            return Task.CompletedTask;
        };
        for (var i = 0; i < 5; i++)
        {
            (await Get("/x")).Code.ShouldBe("upstream-closed");
        }
    }

    [Fact]
    public async Task A_place_is_given_back_when_the_caller_gives_up()
    {
        for (var i = 0; i < 4; i++)
        {
            using var client = new TcpClient();
            await client.ConnectAsync(broker.Address.Host, broker.Address.Port);
            await client
                .GetStream()
                .WriteAsync(Encoding.ASCII.GetBytes($"GET /held HTTP/1.1\r\nHost: x\r\nX-Api-Key: {Stage.Narrow}\r\n\r\n"));
            await Arrived(1);
            client.Close();
            await Eventually.Holds(async () => (await Get("/x", Stage.Narrow)).Status == 200, "the place is given back");
            await Arrived(1);
        }
    }

    [Fact]
    public async Task A_target_over_the_limit_stays_Kestrels()
    {
        (await Get($"/{new string('a', 900)}")).Status.ShouldBe(200);
        var answer = await Get($"/{new string('a', 1100)}");
        (answer.Status, answer.Body).ShouldBe((414, ""));
    }

    [Fact]
    public async Task Headers_over_the_limit_stay_Kestrels()
    {
        (await Get("/x", Stage.All, $"X-Long: {new string('a', 3500)}")).Status.ShouldBe(200);
        var answer = await Get("/x", Stage.All, $"X-Long: {new string('a', 4200)}");
        (answer.Status, answer.Body).ShouldBe((431, ""));
    }

    private Task<RawAnswer> Get(string target, string key = Stage.All, params string[] headers) =>
        RawHttp.Ask(broker.Address, $"GET {target} HTTP/1.1", ["Host: x", $"X-Api-Key: {key}", .. headers]);

    private async Task Arrived(int count)
    {
        for (var i = 0; i < count; i++)
        {
            (await arrived.WaitAsync(TimeSpan.FromSeconds(60))).ShouldBeTrue("the request reaches the upstream");
        }
    }

    // As many at once as the limit, again: none was lost. The answer comes a moment before the place is free.
    private async Task AllSlotsAreFree()
    {
        hold = new(TaskCreationOptions.RunContinuationsAsynchronously);
        while (arrived.Wait(0)) { }

        await Eventually.Holds(async () => (await Get("/x")).Status == 200, "a place is free");
        await Arrived(1);
        await Eventually.Holds(
            async () =>
            {
                var both = await Task.WhenAll(Get("/x"), Get("/x"));
                return both.All(answer => answer.Status == 200);
            },
            "both places are free"
        );
    }
}
