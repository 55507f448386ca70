using System.Collections.Concurrent;
using System.Net;
using Broker.FunctionalTests.Forwarding;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>When tokens are renewed, and how often the upstream is logged in to.</summary>
public sealed class RenewalTests
{
    private static string Telemax(Uri simulator, string logins) =>
        $$"""
            { "Kind": "Telemax", "AllowInsecure": true, "TokenEndpoint": "{{simulator}}api/v2/authentication/token/user",
              "RetryDelay": "00:00:00.001", "MaxRetryDelay": "00:00:00.010", "Logins": [ { "Permit": {{logins}}, "Per": "01:00:00" } ],
              "Accounts": { "default": { "UserName": "reader@acme.example", "Password": { "Env": "TELEMAX_PASSWORD" } } } }
            """;

    private static string Refreshing(bool isResource) =>
        $$"""
            { "Match": { "Path": "/vehicles/{vehicleId}/refresh" }, "Transforms": [ { "PathPattern": "/api/v2/vehicles/{vehicleId}/position/refresh" } ],
              "Metadata": { "Action": "CreateDeviceCommand", "Device": "route:vehicleId", "Network": "const:12"{{(
                isResource ? ", \"On401\": \"resource\"" : ""
            )}} } }
            """;

    [Fact]
    public async Task Tokens_of_a_short_life_are_renewed_under_load_without_one_failed_request()
    {
        const string account =
            """{ "Grant": "Password", "ClientId": "fleet-service", "ClientSecret": { "Env": "CLIENT_SECRET" }, "UserName": "driver@acme.example", "Password": { "Env": "USER_PASSWORD" } }""";
        await using var simulator = await OAuth2Simulator.StartAsync(
            new() { TokenLifetime = TimeSpan.FromSeconds(3), ReuseRevokes = true }
        );
        await using var broker = await TokenConfig.Start(
            TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address, account: account))
        );
        var statuses = new ConcurrentDictionary<HttpStatusCode, int>();
        var end = Environment.TickCount64 + 8_000;

        await Task.WhenAll(
            Enumerable
                .Range(0, 4)
                .Select(async _ =>
                {
                    while (Environment.TickCount64 < end)
                    {
                        using var answer = await broker.Ask("/api/things");
                        statuses.AddOrUpdate(answer.StatusCode, 1, (_, count) => count + 1);
                    }
                })
        );

        statuses.Keys.ShouldBe([HttpStatusCode.OK]);
        simulator.Logins.ShouldBe(1);
        simulator.Refreshes.ShouldBeInRange(2, 6);
        simulator.RefreshesGranted.ShouldBe(simulator.Refreshes);
    }

    [Fact]
    public async Task A_hundred_parallel_401s_are_one_login()
    {
        await using var tokens = await OAuth2Simulator.StartAsync(new());
        await using var upstream = await EchoUpstream.Start();
        await using var broker = await TokenConfig.Start(TokenConfig.For(upstream.Address, TokenConfig.OAuth2(tokens.Address)));
        (await broker.Ask("/things")).EnsureSuccessStatusCode();
        var old = upstream.Only.Headers["Authorization"];
        var allAreHere = new TaskCompletionSource();
        upstream.Answer = async context =>
        {
            if (context.Request.Headers.Authorization == old)
            {
                await allAreHere.Task;
                context.Response.StatusCode = 401;
            }
        };

        var asked = Enumerable.Range(0, 100).Select(_ => broker.Ask("/things")).ToArray();
        await Eventually.Holds(() => upstream.Requests.Count == 101, "a hundred requests wait at the upstream");
        tokens.RevokeAccessTokens();
        tokens.Faults.TokenDelay = TimeSpan.FromMilliseconds(500); // so that all come while the login runs
        allAreHere.SetResult();
        var answers = await Task.WhenAll(asked);

        answers.ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.OK);
        tokens.Logins.ShouldBe(2);
        upstream.Requests.Count.ShouldBe(201);
        upstream.Requests.Select(request => request.Headers["Authorization"]).Distinct().Count().ShouldBe(2);
    }

    [Fact]
    public async Task Many_first_requests_at_once_are_one_login()
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        simulator.Faults.TokenDelay = TimeSpan.FromMilliseconds(500);
        await using var broker = await TokenConfig.Start(TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address)));

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => broker.Ask("/api/things")));

        answers.ShouldAllBe(answer => answer.StatusCode == HttpStatusCode.OK);
        simulator.Logins.ShouldBe(1);
    }

    [Theory]
    [InlineData(true, 403, "upstream-denied")]
    [InlineData(false, 502, "upstream-refused-token")]
    public async Task Who_polls_what_it_may_not_see_cannot_burn_the_logins(bool isResource, int status, string code)
    {
        await using var simulator = await TelemaxSimulator.StartAsync(new());
        await using var broker = await TokenConfig.Start(
            TokenConfig.For(simulator.Address, Telemax(simulator.Address, "10"), ("refresh", Refreshing(isResource)))
        );

        // The first two tries may cost a login each; after two successive tokens nothing more.
        for (var poll = 0; poll < 200; poll++)
        {
            await (await broker.Ask($"/vehicles/{TelemaxSimulator.ForeignVehicle}/refresh", HttpMethod.Put)).ShouldRefuse(status, code);
        }

        simulator.Logins.ShouldBe(2);
        (await broker.Ask("/vehicles/42/refresh", HttpMethod.Put)).EnsureSuccessStatusCode();
    }

    [Fact]
    public async Task Who_polls_ever_new_ids_uses_at_most_half_of_the_logins_and_hinders_nobody()
    {
        await using var simulator = await TelemaxSimulator.StartAsync(new());
        await using var broker = await TokenConfig.Start(
            TokenConfig.For(simulator.Address, Telemax(simulator.Address, "10"), ("refresh", Refreshing(true)))
        );

        for (var id = 1000; id < 1200; id++)
        {
            ((int)(await broker.Ask($"/vehicles/{id}/refresh", HttpMethod.Put)).StatusCode).ShouldBeOneOf(403, 503);
            if (id % 50 == 0)
            {
                (await broker.Ask("/vehicles/42/refresh", HttpMethod.Put)).EnsureSuccessStatusCode();
            }
        }

        simulator.Logins.ShouldBeInRange(2, 6);
    }

    [Fact]
    public async Task One_caller_that_gives_up_takes_the_renewal_from_nobody()
    {
        await using var upstream = await EchoUpstream.Start();
        var mayAnswer = new TaskCompletionSource();
        upstream.Answer = async context =>
        {
            if (context.Request.Path == "/oauth/token")
            {
                await mayAnswer.Task;
                await context.Response.WriteAsJsonAsync(
                    new
                    {
                        access_token = "the-token",
                        token_type = "Bearer",
                        expires_in = 3600,
                    }
                );
            }
        };
        await using var broker = await TokenConfig.Start(TokenConfig.For(upstream.Address, TokenConfig.OAuth2(upstream.Address)));
        using var givesUp = new CancellationTokenSource();
        var first = broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/first"), givesUp.Token);
        await Eventually.Holds(() => upstream.Requests.Count == 1, "the first caller set off the login");
        var second = broker.Ask("/second");

        await givesUp.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(() => first);
        await broker.LogHolding("499"); // the broker knows that it is gone
        mayAnswer.SetResult();
        (await second).EnsureSuccessStatusCode();
        upstream.Requests.Select(request => request.RawTarget).ShouldBe(["/oauth/token", "/second"]);
        upstream.Requests.Last().Headers["Authorization"].ShouldBe("Bearer the-token");
    }

    [Theory]
    [InlineData(403)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task What_is_no_401_never_renews_a_token_and_passes_through_as_it_is(int status)
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        await using var broker = await TokenConfig.Start(TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address)));
        simulator.Faults.DataAnswer = Answer.Json(status, new { theirs = "word" }).With("Retry-After", "7").With("X-Vendor", "v");

        for (var i = 0; i < 10; i++)
        {
            var answer = await broker.Ask("/api/things");
            ((int)answer.StatusCode).ShouldBe(status);
            answer.RetryAfter().ShouldBe(7);
            answer.Headers.GetValues("X-Vendor").ShouldBe(["v"]);
            (await answer.Content.ReadAsStringAsync()).ShouldBe("""{"theirs":"word"}""");
        }

        (simulator.Logins, simulator.Received.Data.Count).ShouldBe((1, 10));
    }
}
