using System.Net;
using System.Net.Sockets;
using System.Text;
using Broker.Commands;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.Commands;

public sealed class SimulateCommandTests
{
    [Theory]
    [InlineData("telemax")]
    [InlineData("damoov")]
    [InlineData("devicehive")]
    [InlineData("oauth2")]
    public async Task A_port_in_use_is_one_line(string kind)
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;

        var run = await CommandRun.Of("simulate", kind, "--port", $"{port}");

        run.Exit.ShouldBe(1);
        run.Out.ShouldBeEmpty();
        run.ErrorLines.Single().ShouldStartWith($"error: {kind} cannot listen on port {port}: ");
    }

    [Fact]
    public async Task A_time_that_could_be_days_or_seconds_is_refused() =>
        (await CommandRun.Of("simulate", "telemax", "--token-lifetime", "10")).Error.ShouldContain("hh:mm:ss");

    [Theory]
    [InlineData("localhost")]
    [InlineData("everywhere")]
    public async Task Where_to_listen_is_an_address(string host)
    {
        var run = await CommandRun.Of("simulate", "telemax", "--host", host);
        run.Exit.ShouldBe(1);
        run.Error.ShouldContain("--host: not an address");
    }

    [Fact]
    public async Task A_simulator_in_a_container_listens_for_others_too()
    {
        var output = new StringWriter();
        using var stop = new CancellationTokenSource();
        var running = BrokerCommands.Run(
            ["simulate", "oauth2", "--host", "0.0.0.0"],
            new(TextReader.Null, TextWriter.Synchronized(output), TextWriter.Null, _ => null),
            stop.Token
        );
        await Eventually.Holds(
            () => output.ToString().Contains("oauth2 listens on http://0.0.0.0:", StringComparison.Ordinal),
            "it listens on every address"
        );
        await stop.CancelAsync();
        (await running).ShouldBe(0);
    }

    /// <summary>The body of a login with what is printed for it.</summary>
    [Theory]
    [InlineData(
        "devicehive",
        "application/json",
        $$"""{"login":"{{DeviceHiveSimulator.OperatorLogin}}","password":"{{DeviceHiveSimulator.OperatorPassword}}"}"""
    )]
    [InlineData(
        "oauth2",
        "application/x-www-form-urlencoded",
        $"grant_type=client_credentials&client_id={OAuth2Simulator.BodyClientId}&client_secret={OAuth2Simulator.BodyClientSecret}"
    )]
    [InlineData(
        "damoov",
        "application/json",
        $$"""{"LoginFields":"{\"email\":\"{{DamoovSimulator.AdminEmail}}\"}","Password":"{{DamoovSimulator.AdminPassword}}"}"""
    )]
    public async Task What_it_prints_is_enough_to_log_in(string kind, string type, string body)
    {
        var output = new StringWriter();
        using var stop = new CancellationTokenSource();
        var running = BrokerCommands.Run(
            ["simulate", kind],
            new(TextReader.Null, TextWriter.Synchronized(output), TextWriter.Null, _ => null),
            stop.Token
        );
        await Eventually.Holds(
            () => output.ToString().Contains("login  ", StringComparison.Ordinal) && output.ToString().EndsWith('\n'),
            "the sheet is printed"
        );
        var text = output.ToString();
        using var client = new HttpClient();
        var endpoint = text.Split('\n').Single(line => line.StartsWith("token endpoint", StringComparison.Ordinal)).Split(' ')[^1];

        using var answer = await client.PostAsync(endpoint, new StringContent(body, Encoding.UTF8, type));

        answer.StatusCode.ShouldBeOneOf(HttpStatusCode.OK, HttpStatusCode.Created);
        await stop.CancelAsync();
        (await running).ShouldBe(0);
    }
}
