using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Broker.Commands;
using Broker.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Commands;

public sealed class ServeCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("broker-serve-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_port_in_use_is_one_line_and_no_log(bool isManagement)
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var address = $"http://127.0.0.1:{((IPEndPoint)taken.LocalEndpoint).Port}";

        var run = await Serve(Config(isManagement ? Free : address, isManagement ? address : Free));

        run.Exit.ShouldBe(1);
        run.Out.ShouldBeEmpty();
        run.ErrorLines.Single()
            .ShouldBe(
                $"error: the broker does not start: Failed to bind to address {address}: address already in use. Choose another "
                    + "address in Kestrel:Endpoints or Broker:Management:Url."
            );
    }

    [Fact]
    public async Task Https_without_a_certificate_is_told_by_check_and_at_start()
    {
        var config = Config("https://127.0.0.1:0", Free);

        foreach (var run in new[] { await Serve(config), await Check(config), await Check(config, "--secrets") })
        {
            run.Exit.ShouldBe(1);
            run.Everything.ShouldContain("error: Kestrel:Endpoints:public:Certificate: https needs a certificate");
            run.Everything.ShouldNotContain("   at ");
        }
    }

    [Fact]
    public async Task A_certificate_that_is_not_there_is_like_a_missing_secret()
    {
        var config = Config("https://127.0.0.1:0", Free);
        config["Kestrel"]!["Endpoints"]!["public"]!["Certificate"] = JsonNode.Parse(
            $$"""{ "Path": "{{folder}}/tls.crt", "KeyPath": "{{folder}}" }"""
        );

        var lenient = await Check(config);
        lenient.Exit.ShouldBe(0, lenient.Everything);
        lenient.Out.ShouldContain(
            $"warning: Kestrel:Endpoints:public:Certificate:Path: the certificate's file {folder}/tls.crt does not exist"
        );
        lenient.Out.ShouldContain($"warning: Kestrel:Endpoints:public:Certificate:KeyPath: the certificate's file {folder} is a directory");
        (await Check(config, "--secrets")).Exit.ShouldBe(1);
        var run = await Serve(config);
        run.Exit.ShouldBe(1);
        run.Out.ShouldBeEmpty();
        run.Error.ShouldContain("Certificate:Path");
    }

    [Fact]
    public async Task A_certificate_that_is_none_is_one_line()
    {
        var config = Config("https://127.0.0.1:0", Free);
        await File.WriteAllTextAsync(Path.Combine(folder, "tls.crt"), "no certificate");
        config["Kestrel"]!["Endpoints"]!["public"]!["Certificate"] = JsonNode.Parse($$"""{ "Path": "{{folder}}/tls.crt" }""");

        var run = await Serve(config);

        run.Exit.ShouldBe(1);
        run.Out.ShouldBeEmpty();
        run.ErrorLines.Single().ShouldStartWith("error: the broker does not start: a certificate cannot be read");
    }

    [Fact]
    public async Task Its_life_is_three_lines()
    {
        var output = new StringWriter();
        string Written()
        {
            lock (output)
            {
                return output.ToString();
            }
        }

        using var stop = new CancellationTokenSource();
        var running = BrokerCommands.Run(["serve", "--config", Write(Config(Free, Free))], StreamsOf(output), stop.Token);
        await Eventually.Holds(() => Written().Contains("Listening on", StringComparison.Ordinal), "it says that it listens");
        await stop.CancelAsync();
        (await running).ShouldBe(0);

        var lines = Written().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).ToList();
        var warnings = lines.RemoveAll(line => (string)line["Level"]! == "Warning"); // what the config should be told of comes before
        lines.Select(line => ((string)line["MessageTemplate"]!).Split(' ')[0]).ShouldBe(["Listening", "Shutdown", "Stopped"]);
        ((string)lines[0]["Properties"]!["Addresses"]!).ShouldMatch("^http://127.0.0.1:[1-9][0-9]*$");
        ((string)lines[0]["Properties"]!["Management"]!).ShouldMatch("^http://127.0.0.1:[1-9][0-9]*/$");
        ((int)lines[0]["Properties"]!["Version"]!).ShouldBe(1);
        ((int)lines[0]["Properties"]!["Warnings"]!).ShouldBe(warnings);
    }

    [Theory]
    [InlineData("Kestrel", """{ "Endpoints": { "public": { "Url": "http://127.0.0.1:1" } } }""")]
    [InlineData("Serilog", """{ "MinimumLevel": "Debug" }""")]
    [InlineData("Broker:Management", """{ "Url": "http://127.0.0.1:1" }""")]
    [InlineData("Broker:Telemetry", """{ "OtlpEndpoint": "http://127.0.0.1:1" }""")]
    public async Task What_is_read_at_start_only_is_told_when_it_changes(string section, string changed)
    {
        var config = TestConfig.With(new("http://127.0.0.1:1/"), ("all", TestConfig.CatchAll));
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
        var poller = broker.Services.GetServices<IHostedService>().OfType<SnapshotPoller>().Single();
        var running = JsonNode.Parse(await File.ReadAllTextAsync(broker.ConfigFile))!;

        running["Broker"]!["Actions"] = JsonNode.Parse("""{ "Own": 1000 }""");
        await File.WriteAllTextAsync(broker.ConfigFile, running.ToJsonString());
        poller.Poll()!.Snapshot.ShouldNotBeNull();
        var place = section.StartsWith("Broker:", StringComparison.Ordinal) ? running["Broker"]! : running;
        place[section.Split(':')[^1]] = JsonNode.Parse(changed);
        await File.WriteAllTextAsync(broker.ConfigFile, running.ToJsonString());
        poller.Poll()!.Snapshot.ShouldNotBeNull();

        var lines = (await broker.LogHolding("takes effect at the next start"))
            .Split('\n')
            .Where(line => line.Contains("takes effect at the next start", StringComparison.Ordinal));
        ((string)JsonNode.Parse(lines.ShouldHaveSingleItem())!["Properties"]!["Section"]!).ShouldBe(section);
    }

    private const string Free = "http://127.0.0.1:0";

    private static JsonObject Config(string url, string management)
    {
        var config = TestConfig.With(new("http://127.0.0.1:1/"), ("all", TestConfig.CatchAll));
        config["Kestrel"] = JsonNode.Parse($$"""{ "Endpoints": { "public": { "Url": "{{url}}" } } }""");
        config["Broker"]!["Management"] = JsonNode.Parse($$"""{ "Url": "{{management}}" }""");
        config["Broker"]!["DrainDelay"] = "00:00:00";
        return config;
    }

    private string Write(JsonObject config)
    {
        var file = Path.Combine(folder, "broker.json");
        File.WriteAllText(file, config.ToJsonString());
        return file;
    }

    private static ConsoleStreams StreamsOf(TextWriter output) =>
        new(TextReader.Null, output, TextWriter.Null, name => TestConfig.Environment.FirstOrDefault(pair => pair.Item1 == name).Item2);

    private Task<CommandRun> Serve(JsonObject config) => CommandRun.With(TestConfig.Environment, "", "serve", "--config", Write(config));

    private Task<CommandRun> Check(JsonObject config, params string[] options) =>
        CommandRun.With(TestConfig.Environment, "", ["check", "--config", Write(config), .. options]);
}
