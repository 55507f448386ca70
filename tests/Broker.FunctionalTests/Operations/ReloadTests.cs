using System.Net;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Operations;

public sealed class ReloadTests
{
    [Fact]
    public async Task A_good_edit_under_load_shows_on_the_next_requests_and_fails_none()
    {
        await using var upstream = await EchoUpstream.Start();
        var config = TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll));
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
        using var load = new Load(broker);
        await load.HasAnswers(50);

        for (var i = 0; i < 5; i++)
        {
            config["Broker"]!["Actions"] = new JsonObject { [$"Own{i}"] = 1000 + i };
            (await broker.Reload(config.ToJsonString())).Snapshot.ShouldNotBeNull();
            await load.HasAnswers(50);
        }

        (await load.Stop()).ShouldAllBe(status => status == HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_bad_edit_of_either_section_changes_nothing_and_health_says_why()
    {
        await using var upstream = await EchoUpstream.Start();
        var config = TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll));
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
        using var load = new Load(broker);
        var version = broker.Snapshots.Current.Version;

        var badRoute = config.DeepClone();
        badRoute["ReverseProxy"]!["Routes"]!["all"]!["Metadata"]!["Actoin"] = "GetDevice";
        badRoute["Broker"]!["Callers"]!.AsObject().Remove("tester"); // were it applied in part, the caller would be gone
        (await broker.Reload(badRoute.ToJsonString())).Snapshot.ShouldBeNull();
        await load.HasAnswers(20);
        var badBroker = config.DeepClone();
        badBroker["Broker"]!["Callers"]!["tester"]!["Actions"] = new JsonArray("GetDevcie");
        (await broker.Reload(badBroker.ToJsonString())).Snapshot.ShouldBeNull();
        await load.HasAnswers(20);
        (await broker.Reload("{ \"Broker\": { ")).Snapshot.ShouldBeNull();
        await load.HasAnswers(20);

        broker.Snapshots.Current.Version.ShouldBe(version);
        using var client = new HttpClient();
        var ready = await client.GetAsync(new Uri(broker.Management, "/healthz/ready"));
        ready.StatusCode.ShouldBe(HttpStatusCode.OK, "the last good config serves on");
        var report = JsonNode.Parse(await ready.Content.ReadAsStringAsync())!;
        report["config"]!["refused"]!.AsArray().Count.ShouldBeGreaterThan(0);
        (await load.Stop()).ShouldAllBe(status => status == HttpStatusCode.OK);

        (await broker.Reload(config.ToJsonString())).Snapshot.ShouldNotBeNull();
        report = JsonNode.Parse(await client.GetStringAsync(new Uri(broker.Management, "/healthz/ready")))!;
        report["config"]!["refused"]!.AsArray().Count.ShouldBe(0);
    }

    [Fact]
    public async Task An_edit_of_rights_alone_shows_on_the_next_request()
    {
        await using var upstream = await EchoUpstream.Start();
        var config = TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll));
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
        (await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/x"))).StatusCode.ShouldBe(HttpStatusCode.OK);

        config["Broker"]!["Callers"]!["tester"]!["Actions"] = new JsonArray("GetDevice");
        await broker.Reload(config.ToJsonString());

        await Eventually.Holds(
            async () => (await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/x"))).StatusCode == HttpStatusCode.Forbidden,
            "the narrowed caller is refused"
        );
        config["Broker"]!["Callers"]!.AsObject().Remove("tester");
        await broker.Reload(config.ToJsonString());
        await Eventually.Holds(
            async () => (await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/x"))).StatusCode == HttpStatusCode.Unauthorized,
            "a caller that is no longer there is unknown"
        );
    }

    [Fact]
    public async Task A_rotated_secret_is_on_the_next_request()
    {
        await using var upstream = await EchoUpstream.Start();
        await using var broker = await BrokerUnderTest.Start(
            TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll)).ToJsonString(),
            TestConfig.Environment
        );
        await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/x"));

        broker.SetEnvironment("UPSTREAM_SECRET", "another-secret-0987654321");
        broker.Poll().Snapshot.ShouldNotBeNull();

        await Eventually.Holds(
            async () =>
            {
                await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/x"));
                return upstream.Requests.Last().Headers["Authorization"] == "Bearer another-secret-0987654321";
            },
            "the new secret is sent"
        );
    }

    [Fact]
    public async Task Config_and_secret_are_read_through_a_swapped_symlink_by_the_poll_alone()
    {
        await using var upstream = await EchoUpstream.Start();
        var folder = Directory.CreateTempSubdirectory("broker-secret-").FullName;
        try
        {
            // Kubernetes' layout: secret -> ..data/secret, and ..data -> a folder that is replaced whole.
            Directory.CreateDirectory(Path.Combine(folder, "v1"));
            Directory.CreateDirectory(Path.Combine(folder, "v2"));
            await File.WriteAllTextAsync(Path.Combine(folder, "v1", "secret"), "secret-of-version-one\n");
            await File.WriteAllTextAsync(Path.Combine(folder, "v2", "secret"), "secret-of-version-two\n");
            Directory.CreateSymbolicLink(Path.Combine(folder, "..data"), "v1");
            File.CreateSymbolicLink(Path.Combine(folder, "secret"), Path.Combine("..data", "secret"));
            var config = TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll));
            config["Broker"]!["PollInterval"] = "00:00:00.1000000";
            config["Broker"]!["Upstreams"]!["api"]!["Accounts"]!["default"]!["Value"] = new JsonObject
            {
                ["File"] = Path.Combine(folder, "secret"),
            };
            await using var broker = await BrokerUnderTest.Start(config.ToJsonString());
            await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/x"));
            upstream.Requests.Last().Headers["Authorization"].ShouldBe("Bearer secret-of-version-one");

            Directory.CreateSymbolicLink(Path.Combine(folder, "..data_tmp"), "v2");
            using var rename = System.Diagnostics.Process.Start(
                "mv",
                ["-T", Path.Combine(folder, "..data_tmp"), Path.Combine(folder, "..data")]
            );
            await rename.WaitForExitAsync();
            rename.ExitCode.ShouldBe(0);

            await Eventually.Holds(
                async () =>
                {
                    await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/x"));
                    return upstream.Requests.Last().Headers["Authorization"] == "Bearer secret-of-version-two";
                },
                "the swapped secret is sent"
            );
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Four callers that ask without a pause, and remember every status.</summary>
    private sealed class Load : IDisposable
    {
        private readonly CancellationTokenSource stop = new();
        private readonly System.Collections.Concurrent.ConcurrentQueue<HttpStatusCode> statuses = new();
        private readonly Task[] callers;

        public Load(BrokerUnderTest broker) => callers = [.. Enumerable.Range(0, 4).Select(_ => Ask(broker))];

        public Task HasAnswers(int more)
        {
            var goal = statuses.Count + more;
            return Eventually.Holds(() => statuses.Count >= goal, $"{goal} requests are answered");
        }

        public async Task<IReadOnlyCollection<HttpStatusCode>> Stop()
        {
            await stop.CancelAsync();
            await Task.WhenAll(callers);
            return statuses;
        }

        public void Dispose() => stop.Dispose();

        private async Task Ask(BrokerUnderTest broker)
        {
            while (!stop.IsCancellationRequested)
            {
                using var answer = await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/load"));
                statuses.Enqueue(answer.StatusCode);
            }
        }
    }
}
