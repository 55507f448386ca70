using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Commands;

public sealed class ServeProcessTests
{
    [Fact]
    public async Task Told_to_stop_it_is_not_ready_serves_on_for_the_drain_delay_finishes_what_is_in_flight_and_ends_with_0()
    {
        await using var upstream = await EchoUpstream.Start();
        var answer = new TaskCompletionSource();
        upstream.Answer = async context =>
        {
            if (context.Request.Path == "/slow")
            {
                await answer.Task;
            }

            await context.Response.WriteAsync("done");
        };
        var (port, health) = (FreePort(), FreePort());
        using var process = Start(Config(upstream.Address, port, health, "00:00:03"));
        using var client = new HttpClient { BaseAddress = new($"http://127.0.0.1:{port}") };
        await Eventually.Holds(() => Status(client, $"http://127.0.0.1:{health}/healthz/ready", 200), "the broker is ready");

        var slow = client.SendAsync(TestConfig.Request(HttpMethod.Get, "/slow"));
        await Eventually.Holds(() => upstream.Requests.Count == 1, "the slow request is in flight");
        using (var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]))
        {
            await kill.WaitForExitAsync();
        }

        await Eventually.Holds(() => Status(client, $"http://127.0.0.1:{health}/healthz/ready", 503), "it is not ready any more");
        using (var meanwhile = await client.SendAsync(TestConfig.Request(HttpMethod.Get, "/quick")))
        {
            meanwhile.StatusCode.ShouldBe(HttpStatusCode.OK, "it is draining, and still serves");
        }

        // The listener closes while the slow request is still open.
        await Eventually.Holds(() => Refuses(port), "no new connection is taken");
        process.HasExited.ShouldBeFalse();
        answer.SetResult();
        using var last = await slow;
        (await last.Content.ReadAsStringAsync()).ShouldBe("done");
        await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token);
        process.ExitCode.ShouldBe(0);
    }

    [Fact]
    public async Task A_config_that_does_not_load_ends_it_with_1_and_every_mistake()
    {
        var config = JsonNode
            .Parse("""{ "Broker": { "Nope": 1, "AllowInsecure": "maybe" }, "ReverseProxy": { "Rutes": {} } }""")!
            .AsObject();
        using var process = Start(config);
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token);

        process.ExitCode.ShouldBe(1);
        (await error).ShouldContain("Broker:Nope");
        (await error).ShouldContain("Broker:AllowInsecure");
        (await error).ShouldContain("ReverseProxy:Rutes");
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task A_simulator_alone_answers_and_is_ended_by_a_signal(string signal)
    {
        using var process = Start("simulate", "telemax", "--port", "0");
        var line = await process.StandardOutput.ReadLineAsync();
        using var client = new HttpClient();
        (await Status(client, $"{line!.Split("received: ")[1].Split(". Ctrl-C")[0]}", 200)).ShouldBeTrue();

        using (var kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]))
        {
            await kill.WaitForExitAsync();
        }

        await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token);
        process.ExitCode.ShouldBe(0);
    }

    private static JsonObject Config(Uri upstream, int port, int health, string drain)
    {
        var config = TestConfig.With(upstream, ("all", TestConfig.CatchAll));
        config["Kestrel"] = JsonNode.Parse($$"""{ "Endpoints": { "public": { "Url": "http://127.0.0.1:{{port}}" } } }""");
        config["Broker"]!["Management"] = JsonNode.Parse($$"""{ "Url": "http://127.0.0.1:{{health}}" }""");
        config["Broker"]!["DrainDelay"] = drain;
        return config;
    }

    private static Process Start(JsonObject config)
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("broker-serve-").FullName, "broker.json");
        File.WriteAllText(file, config.ToJsonString());
        return Start("serve", "--config", file);
    }

    private static Process Start(params string[] args)
    {
        // A shell starts what it runs in the background with SIGINT ignored, and that is inherited.
        var start = new ProcessStartInfo(
            "env",
            ["--default-signal=INT", "dotnet", Path.Combine(AppContext.BaseDirectory, "broker.dll"), .. args]
        )
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["UPSTREAM_SECRET"] = TestConfig.UpstreamSecret;
        return Process.Start(start)!;
    }

    private static async Task<bool> Status(HttpClient client, string url, int wanted)
    {
        try
        {
            using var answer = await client.GetAsync(url);
            return (int)answer.StatusCode == wanted;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static async Task<bool> Refuses(int port)
    {
        using var socket = new System.Net.Sockets.TcpClient();
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, port);
            return false;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return true;
        }
    }

    // A process of its own cannot tell which port it was given without a log line; the one found free is taken at once.
    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
