using System.Text.Json;
using Broker.FunctionalTests.Commands;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>'broker tokens' beside brokers that serve, over a real Redis.</summary>
public sealed class TokensCommandTests
{
    [Fact]
    public async Task What_is_shown_is_who_got_the_token_when_and_what_is_left_and_never_the_token()
    {
        await using var bed = await TokensBed.Start(
            more: """, "Logins": [ { "Permit": 7, "Per": "01:00:00" }, { "Permit": 90, "Per": "1.00:00:00", "Scope": "Endpoint" } ]"""
        );
        var before = DateTimeOffset.UtcNow.AddSeconds(-1);
        var token = await bed.TokenOf(await bed.Broker());

        var shown = await bed.Show();
        (
            shown.GetProperty("upstream").GetString(),
            shown.GetProperty("account").GetString(),
            shown.GetProperty("state").GetString()
        ).ShouldBe(("api", "default", "live"));
        shown.GetProperty("generation").GetInt64().ShouldBeGreaterThan(0);
        shown.GetProperty("secondsLeft").GetInt64().ShouldBeInRange(60, 3600);
        shown.GetProperty("renewedBy").GetString().ShouldBe($"{Environment.MachineName}:{Environment.ProcessId}");
        shown.GetProperty("renewedAt").GetDateTimeOffset().ShouldBeInRange(before.AddSeconds(-1), DateTimeOffset.UtcNow.AddSeconds(1));
        shown.GetProperty("lastFailure").ValueKind.ShouldBe(JsonValueKind.Null);
        shown
            .GetProperty("budgets")
            .EnumerateArray()
            .Select(budget => $"{budget.GetProperty("scope")} {budget.GetProperty("left")} of {budget.GetProperty("permit")}")
            .ShouldBe(["Account 6 of 7", "Endpoint 89 of 90"]);

        foreach (
            var run in new[]
            {
                await bed.Done("list"),
                await bed.Done("list", "--json"),
                await bed.Done("show", "api/default"),
                await bed.Done("show", "api", "--json"),
            }
        )
        {
            run.Everything.ShouldContain("default");
            run.Everything.ShouldNotContain(token);
            run.Everything.ShouldNotContain("Bearer");
        }
        bed.Simulator.Logins.ShouldBe(1, "to look takes nothing");
        (await bed.Done("list")).Out.ShouldContain("6 of 7 in 01:00:00");
    }

    [Fact]
    public async Task A_renewed_token_is_got_once_and_taken_by_every_replica_without_a_refused_request()
    {
        await using var bed = await TokensBed.Start();
        var (one, two) = (await bed.Broker(), await bed.Broker());
        var old = await bed.TokenOf(one);
        (await bed.TokenOf(two)).ShouldBe(old);
        var generation = (await bed.Show()).GetProperty("generation").GetInt64();

        (await bed.Done("renew", "api")).Out.ShouldStartWith("api/default renewed");

        foreach (var broker in new[] { one, two })
        {
            await Eventually.Holds(async () => await bed.TokenOf(broker) != old, "the replica sends the new token");
        }
        (await bed.TokenOf(one)).ShouldBe(await bed.TokenOf(two));
        (bed.Simulator.Logins, bed.Simulator.Refreshes).ShouldBe((1, 1));
        (await bed.Show()).GetProperty("generation").GetInt64().ShouldBeGreaterThan(generation);
    }

    [Fact]
    public async Task What_nobody_holds_is_got_once_by_renew_and_served_from_redis()
    {
        await using var bed = await TokensBed.Start();
        (await bed.Show()).GetProperty("state").GetString().ShouldBe("none");
        await bed.Done("renew", "api");
        bed.Simulator.Logins.ShouldBe(1);
        await bed.TokenOf(await bed.Broker());
        (bed.Simulator.Logins, bed.Simulator.Refreshes).ShouldBe((1, 0));
    }

    [Fact]
    public async Task A_renewal_uses_the_half_of_the_budget_that_rejections_have_and_says_when_it_is_spent()
    {
        await using var bed = await TokensBed.Start(TokenConfig.Client, """, "Logins": [ { "Permit": 4, "Per": "01:00:00" } ]""");
        await bed.Done("renew", "api");
        await bed.Done("renew", "api");
        await bed.Done("renew", "api");
        var spent = await bed.Run(["renew", "api"]);
        spent.Exit.ShouldBe(1);
        spent.ErrorLines.Single().ShouldStartWith("error: api/default: not renewed: the login budget is spent; try again in 3");
        bed.Simulator.Logins.ShouldBe(3, "one that was due, and two of four for rejections");
        (await bed.Show()).GetProperty("state").GetString().ShouldBe("live");
    }

    [Fact]
    public async Task The_last_failure_and_the_quiet_time_are_shown_and_renew_keeps_to_it()
    {
        await using var bed = await TokensBed.Start(more: """, "RetryDelay": "00:10:00", "MaxRetryDelay": "00:10:00" """);
        bed.Simulator.Faults.TokenAnswer = Answer.Json(500, new { });
        var failed = await bed.Run(["renew", "api"]);
        failed
            .ErrorLines.Single()
            .ShouldStartWith("error: api/default: not renewed: the token endpoint is down, slow or left in quiet; try again in ");
        bed.Simulator.Faults.Clear();
        var shown = await bed.Show();
        var failure = shown.GetProperty("lastFailure");
        (failure.GetProperty("call").GetString(), failure.GetProperty("outcome").GetString()).ShouldBe(("login", "unknown"));
        failure.GetProperty("reason").GetString().ShouldNotBeNullOrEmpty();
        failure.GetProperty("by").GetString()!.ShouldContain(Environment.MachineName);
        shown.GetProperty("quietSeconds").GetInt64().ShouldBeInRange(1, 600);

        (await bed.Run(["renew", "api"])).Exit.ShouldBe(1);
        bed.Simulator.Logins.ShouldBe(1, "it is quiet");
        (await bed.Done("forget", "api")).Out.ShouldStartWith("api/default forgotten");
        await bed.Done("renew", "api");
        var after = await bed.Show();
        (after.GetProperty("state").GetString(), after.GetProperty("lastFailure").GetProperty("call").GetString()).ShouldBe(
            ("live", "login")
        );
    }

    [Fact]
    public async Task What_another_wrote_into_redis_reaches_no_terminal_as_it_is()
    {
        await using var bed = await TokensBed.Start();
        await bed.TokenOf(await bed.Broker());
        var counter = (await bed.Redis.Ask("KEYS", "*:counter")).Split('\n').Single();
        await bed.Redis.Ask("HSET", counter, "f", "login|unknown|\u001b[31m\nred|x", "t", "1");
        foreach (var run in new[] { await bed.Done("show", "api"), await bed.Done("list"), await bed.Done("show", "api", "--json") })
        {
            run.Out.ShouldContain("_[31m_red");
        }
    }

    [Fact]
    public async Task A_process_of_its_own_lists_what_another_got()
    {
        await using var bed = await TokensBed.Start();
        var token = await bed.TokenOf(await bed.Broker());
        var folder = Directory.CreateTempSubdirectory("broker-tokens-");
        var file = Path.Combine(folder.FullName, "broker.json");
        await File.WriteAllTextAsync(file, bed.Config.ToJsonString());
        var (exit, output) = await Process("upstream-tokens", "renew", "api", "--config", file);
        (exit, output).ShouldBe((0, output));
        (exit, output) = await Process("upstream-tokens", "list", "--json", "--config", file);
        exit.ShouldBe(0, output);
        using var listed = JsonDocument.Parse(output);
        var only = listed.RootElement.GetProperty("tokens").EnumerateArray().Single();
        only.GetProperty("renewedBy").GetString().ShouldNotBe($"{Environment.MachineName}:{Environment.ProcessId}");
        output.ShouldNotContain(token);
        folder.Delete(recursive: true);
    }

    private static async Task<(int Exit, string Output)> Process(params string[] args)
    {
        var start = new System.Diagnostics.ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "broker.dll"), .. args])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        foreach (var (name, value) in TokenConfig.Secrets)
        {
            start.Environment[name] = value;
        }
        using var process = System.Diagnostics.Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token);
        return (process.ExitCode, await output + await error);
    }
}
