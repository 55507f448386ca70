using System.Net;
using System.Net.Sockets;
using Broker.Commands;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.Commands;

public sealed class DemoCommandTests
{
    private static readonly string[] Secrets =
    [
        TelemaxSimulator.Password,
        DamoovSimulator.AdminPassword,
        DamoovSimulator.InstanceKey,
        DeviceHiveSimulator.OperatorPassword,
        OAuth2Simulator.BasicClientSecret,
        "Bearer ey",
    ];

    [Fact]
    public async Task The_tour_walks_by_itself_and_prints_no_secret_of_an_account()
    {
        var run = await CommandRun.Of("demo", "--once");

        run.Out.ShouldNotContain("DIFFERS");
        run.Out.ShouldContain($"{DemoTour.Steps.Count} steps, 0 failed");
        run.Exit.ShouldBe(0);
        SecretsIn(run.Everything).ShouldBeEmpty();

        // The scan finds what is there.
        SecretsIn(run.Everything + TelemaxSimulator.Password).ShouldBe([TelemaxSimulator.Password]);
    }

    [Fact]
    public void The_tour_shows_every_refusal_that_it_can_bring_about()
    {
        DemoTour
            .Steps.Select(step => step.Code)
            .OfType<string>()
            .Distinct()
            .ShouldBe(
                [
                    "credential-missing",
                    "credential-invalid",
                    "ambiguous-credential",
                    "bad-path",
                    "not-allowed-here",
                    "ambiguous-id",
                    "bad-request",
                    "not-found",
                    "method-not-allowed",
                    "action-not-granted",
                    "network-not-granted",
                    "device-type-not-granted",
                    "device-not-granted",
                    "denied",
                    "upstream-denied",
                    "upstream-token-unavailable",
                    "token-expired",
                ],
                ignoreOrder: true
            );
    }

    [Fact]
    public async Task A_step_that_comes_out_otherwise_is_told_and_counted()
    {
        await using var stand = new DemoEnvironment(
            new(0, 0, 0),
            TimeSpan.FromSeconds(20),
            null,
            "Error",
            new(TextReader.Null, TextWriter.Null, TextWriter.Null, _ => null)
        );
        (await stand.Start(CancellationToken.None)).ShouldBeNull();
        var right = DemoTour.Steps[0];
        var told = new StringWriter();
        using var walk = new DemoWalk(stand, told);

        var failed = await walk.Walk(
            [
                right,
                right with
                {
                    Renewals = 1,
                },
                right with
                {
                    Renewals = 0,
                    Holds = "Truck 43",
                },
                right with
                {
                    Renewals = 0,
                    Receives = "GET /elsewhere",
                },
                right with
                {
                    Renewals = 0,
                    Receives = null,
                },
                right with
                {
                    Renewals = 0,
                    IsBare = true,
                },
                right with
                {
                    Renewals = 0,
                    Code = "denied",
                },
                right with
                {
                    Renewals = 0,
                    LoginHolds = "nobody",
                },
                right with
                {
                    Renewals = 0,
                    AnswerHeader = "X-None",
                },
                right with
                {
                    Renewals = 0,
                    Arrivals = 2,
                },
                right with
                {
                    Renewals = 0,
                    Status = 404,
                },
                right with
                {
                    Renewals = 0,
                    Headers = ["X-Mine: Bearer"],
                },
                right with
                {
                    Renewals = 0,
                },
            ],
            CancellationToken.None
        );

        told.ToString().ShouldContain("13 steps, 11 failed");
        failed.ShouldBe(11, told.ToString());
        told.ToString().ShouldContain("the caller's X-Mine crossed to telemax");
    }

    [Theory]
    [InlineData("--port", "--once")]
    [InlineData("--management-port", "--once")]
    [InlineData("--simulator-port", "--once")]
    [InlineData("--port", "--management-port=0")]
    public async Task A_port_in_use_is_one_line_that_names_the_option(string option, string more)
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;

        var run = await CommandRun.Of("demo", option, $"{port}", more);

        run.Exit.ShouldBe(1);
        run.Out.ShouldBeEmpty();
        run.ErrorLines.Single().ShouldContain($"port {port}: it is in use");
        run.Error.ShouldContain($"{option} N");
    }

    [Theory]
    [InlineData("--port", "65536")]
    [InlineData("--port", "-1")]
    [InlineData("--simulator-port", "65533")]
    public async Task A_port_that_is_none_is_refused(string option, string port) =>
        (await CommandRun.Of("demo", option, port)).Exit.ShouldNotBe(0);

    [Fact]
    public async Task The_curl_lines_stand_there_with_this_runs_keys_until_it_is_stopped()
    {
        var output = new StringWriter();
        var error = new StringWriter();
        using var stop = new CancellationTokenSource();
        var running = BrokerCommands.Run(
            ["demo", "--port", "0", "--management-port", "0"],
            new(TextReader.Null, output, error, _ => null),
            stop.Token
        );
        await Eventually.Holds(() => output.ToString().Contains("Ctrl-C ends it"), "the sheet is printed");

        var line = output.ToString().Split('\n').First(text => text.StartsWith("curl", StringComparison.Ordinal)).Split('\'');
        var lines = output.ToString().Split('\n').ToList();
        var watched = lines.FindIndex(text => text.StartsWith("for i in", StringComparison.Ordinal));
        watched.ShouldBeLessThan(
            lines.FindIndex(text => text.StartsWith("curl", StringComparison.Ordinal)),
            "its time runs: it comes first"
        );
        var until = TimeOnly.ParseExact(
            lines[watched - 1].Split("until ")[1][..8],
            "HH:mm:ss",
            System.Globalization.CultureInfo.InvariantCulture
        );
        (until - TimeOnly.FromDateTime(DateTime.UtcNow)).ShouldBeInRange(
            TimeSpan.FromSeconds(60),
            TimeSpan.FromSeconds(121),
            "time enough to start it by hand"
        );
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, line[3]);
        request.Headers.Add("X-Api-Key", line[1].Split(' ')[1]);
        using var answer = await client.SendAsync(request);

        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await answer.Content.ReadAsStringAsync()).ShouldContain("Truck 42");
        await stop.CancelAsync();
        (await running).ShouldBe(0);
        error.ToString().ShouldBeEmpty();
        SecretsIn(output.ToString().Replace("Authorization: Bearer ey", "")).ShouldBeEmpty();
    }

    private static IReadOnlyList<string> SecretsIn(string text) =>
        [.. Secrets.Where(secret => text.Contains(secret, StringComparison.Ordinal))];
}
