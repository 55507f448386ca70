using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.Tests.Simulators;

public class SimulatorTests
{
    private const string Path = "/api/v2/authentication/token/user";
    private static readonly (string, string)[] Login = [("UserName", TelemaxSimulator.UserName), ("Password", TelemaxSimulator.Password)];

    [Fact]
    public async Task Every_kind_starts_by_its_name_and_no_other_does()
    {
        foreach (var kind in SimulatorKinds.Names)
        {
            await using var simulator = await SimulatorKinds.StartAsync(kind, new());
            simulator.Address.Port.ShouldNotBe(0);
        }
        await Should.ThrowAsync<ArgumentException>(() => SimulatorKinds.StartAsync("fax", new()));
    }

    [Fact]
    public async Task What_came_is_kept_as_it_came()
    {
        await using var simulator = await TelemaxSimulator.StartAsync(new());
        using var wire = new Wire(simulator);

        await wire.Form(Path, Login);
        await wire.Send("GET", "/api/v2/none%2Fsuch?a=%20b", null, null, "token-1");

        var (login, other) = (simulator.Received.Token.Single(), simulator.Received.Data.Single());
        login.Body.ShouldBe("UserName=reader%40acme.example&Password=telemax-reader-password");
        other.RawTarget.ShouldBe("/api/v2/none%2Fsuch?a=%20b");
        other.Header("authorization").ShouldBe("Bearer token-1");
    }

    [Fact]
    public async Task A_revoked_token_is_refused_and_the_next_one_is_not()
    {
        await using var simulator = await TelemaxSimulator.StartAsync(new() { Time = new FakeTimeProvider() });
        using var wire = new Wire(simulator);
        var first = (await wire.Form(Path, Login)).Json.GetProperty("access_token").GetString();

        simulator.RevokeAccessTokens();
        var second = (await wire.Form(Path, Login)).Json.GetProperty("access_token").GetString();

        (await wire.Get("/api/v2/companies", first)).Status.ShouldBe(401);
        (await wire.Get("/api/v2/companies", second)).Status.ShouldBe(200);
        simulator.LiveTokens.ShouldBe(1);
    }

    [Fact]
    public async Task A_lost_answer_is_a_login_that_was_granted()
    {
        await using var simulator = await TelemaxSimulator.StartAsync(new());
        using var wire = new Wire(simulator);
        simulator.Faults.TokenLosesAnswer = true;

        await Should.ThrowAsync<HttpRequestException>(() => wire.Form(Path, Login));

        simulator.LoginsGranted.ShouldBe(1);
    }

    [Fact]
    public async Task A_cut_answer_has_its_headers_and_half_of_its_body()
    {
        await using var simulator = await TelemaxSimulator.StartAsync(new());
        simulator.Faults.TokenCutsAnswer = true;
        using var client = new HttpClient { BaseAddress = simulator.Address };
        using var form = new FormUrlEncodedContent(Login.Select(field => KeyValuePair.Create(field.Item1, field.Item2)));
        using var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = form };

        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);

        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        await Should.ThrowAsync<HttpRequestException>(() => response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_hanging_call_ends_with_the_simulator_and_a_set_answer_with_its_count()
    {
        var simulator = await TelemaxSimulator.StartAsync(new());
        using var wire = new Wire(simulator);
        simulator.Faults.AnswerNextTokenCalls(Answer.Text(503, "later").With("Retry-After", "7"));
        (await wire.Form(Path, Login)).Headers.GetValues("Retry-After").ShouldBe(["7"]);
        (await wire.Form(Path, Login)).Status.ShouldBe(200);

        simulator.Faults.TokenHangs = true;
        var hanging = wire.Form(Path, Login);
        SpinWait.SpinUntil(() => simulator.Logins == 3, TimeSpan.FromSeconds(10)).ShouldBeTrue();
        await simulator.DisposeAsync();

        await Should.ThrowAsync<HttpRequestException>(() => hanging);
    }

    [Fact]
    public async Task Another_process_turns_the_knobs_and_reads_what_came()
    {
        await using var simulator = await DamoovSimulator.StartAsync(new());
        using var wire = new Wire(simulator);

        const string knobs = """{"dataAnswer":{"status":500,"body":"x"},"tokenDelay":"00:00:00.01"}""";

        (await wire.Send("PUT", "/_simulator/faults", knobs)).Status.ShouldBe(204);
        (await wire.Send("PUT", "/_simulator/faults", """{"noSuchKnob":true}""")).Status.ShouldBe(400);
        (await wire.Get("/v1/Management/users")).Status.ShouldBe(500);
        (await wire.Send("PUT", "/_simulator/faults", "{}")).Status.ShouldBe(204);
        (await wire.Get("/v1/Management/users")).Status.ShouldBe(401);

        var received = (await wire.Get("/_simulator/received")).Json;
        received
            .EnumerateArray()
            .Select(request => request.GetProperty("rawTarget").GetString())
            .Distinct()
            .ShouldBe(["/v1/Management/users"]);
        (await wire.Send("DELETE", "/_simulator/received")).Status.ShouldBe(204);
        (await wire.Get("/_simulator/counters")).Json.GetProperty("received").GetInt32().ShouldBe(0);
    }

    [Fact]
    public async Task A_thousand_calls_at_once_are_all_answered_and_counted()
    {
        await using var simulator = await TelemaxSimulator.StartAsync(new());
        using var wire = new Wire(simulator);

        var replies = await Task.WhenAll(Enumerable.Range(0, 1000).Select(_ => wire.Form(Path, Login)));

        replies.ShouldAllBe(reply => reply.Status == 200);
        (simulator.LoginsGranted, simulator.LiveTokens, simulator.Received.Count).ShouldBe((1000, 1000, 1000));
    }

    [Fact]
    public async Task With_a_certificate_it_speaks_https_and_http2()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await using var simulator = await OAuth2Simulator.StartAsync(new() { Certificate = certificate });
        using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, _, _, _) => true };
        using var client = new HttpClient(handler) { DefaultRequestVersion = HttpVersion.Version20 };

        using var response = await client.GetAsync(new Uri(simulator.Address, "/api/x"));

        simulator.Address.Scheme.ShouldBe("https");
        (response.StatusCode, response.Version).ShouldBe((HttpStatusCode.Unauthorized, HttpVersion.Version20));
    }
}
