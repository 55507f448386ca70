using System.Text;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.TokenService;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>Whatever stays open ends with the credential, the right or the route that admitted it (invariant 22).</summary>
public sealed class ExchangeEndTests
{
    // What ends it, the reason in the log, and the code that a WebSocket's caller reads.
    private static readonly (string Event, string Why, string Code)[] Ends =
    [
        ("the token expires", "token-expired", "token-expired"),
        ("the token is revoked", "revoked", "credential-invalid"),
        ("the session is revoked", "revoked", "credential-invalid"),
        ("all of the caller is revoked", "revoked", "credential-invalid"),
        ("the caller is disabled", "caller-disabled", "credential-invalid"),
        ("the caller is removed", "caller-removed", "credential-invalid"),
        ("the caller is narrowed", "action-not-granted", "action-not-granted"),
        ("the signing key is replaced", "credential-not-accepted", "credential-invalid"),
        ("the API key is replaced", "credential-not-accepted", "credential-invalid"),
        ("the API key moves to another caller", "credential-not-accepted", "credential-invalid"),
        ("the password is replaced", "credential-not-accepted", "credential-invalid"),
        ("the password is removed", "credential-not-accepted", "credential-invalid"),
        ("the creator of the token is narrowed", "action-not-granted", "action-not-granted"),
        ("the creator of the token is removed", "revoked", "credential-invalid"),
        ("all of the creator of the token is revoked", "revoked", "credential-invalid"),
        ("the route is removed", "route-removed", "not-found"),
        ("the route demands another action", "action-not-granted", "action-not-granted"),
        ("the route takes other credentials", "credential-not-accepted", "credential-invalid"),
        ("the route denies all", "denied", "denied"),
        ("the route matches another path", "route-removed", "not-found"),
        ("a narrower route denies the path", "denied", "denied"),
    ];

    public static TheoryData<string, string> All() => Rows((kind, end) => kind is "socket-h1" or "events-h2" || end < 9);

    [Theory]
    [MemberData(nameof(All))]
    public async Task An_open_exchange_ends_when(string kind, string what)
    {
        var expected = Ends.Single(end => end.Event == what);
        await using var bed = await ExchangeBed.Start(kind);
        var (credential, happen) = await Prepare(bed, what);
        var end = await bed.Open(credential);

        await using var lateness = new Lateness();
        await happen();
        var from = what == "the token expires" ? EndOf(credential) : DateTimeOffset.UtcNow;

        (await bed.EndsWithinASecond(end, lateness, from)).ShouldBe(
            kind.StartsWith("socket", StringComparison.Ordinal) ? $"closed 4401 {expected.Code}" : "cut"
        );
        DateTimeOffset.UtcNow.ShouldBeGreaterThanOrEqualTo(from);
        var line = (await bed.Broker.LogHolding("\"EventId\":{\"Id\":440"))
            .Split('\n')
            .Single(text => text.Contains("\"Id\":440", StringComparison.Ordinal));
        line.ShouldContain($"\"Why\":\"{expected.Why}\"");
        line.ShouldContain("\"Caller\":\"key:");
        line.ShouldContain("\"Route\":\"open\"");
        line.ShouldContain("\"Seconds\":");
        bed.Broker.Log.ShouldNotContain(credential);
        string? RequestLine() =>
            bed
                .Broker.Log.Split('\n')
                .FirstOrDefault(text =>
                    text.Contains("\"Id\":500", StringComparison.Ordinal) && text.Contains("\"Route\":\"open\"", StringComparison.Ordinal)
                );
        await Eventually.Holds(() => RequestLine() is not null, "the request has its line");
        var (request, log) = (RequestLine()!, bed.Broker.Log);
        request.ShouldContain($"\"Refusal\":\"{expected.Code}\"");
        request.ShouldNotContain("\"Status\":499"); // nobody left
        request
            .Contains("\"Status\":200", StringComparison.Ordinal)
            .ShouldBe(kind.Split('-')[0] is not ("poll" or "upload") && kind != "socket-h1");
        log.ShouldNotContain("\"Level\":\"Error\"");
        log.ShouldNotContain("\"Code\":"); // and no upstream is blamed
    }

    [Theory]
    [InlineData("socket-h1")]
    [InlineData("socket-h2")]
    [InlineData("events-h1")]
    [InlineData("upload-h2")]
    public async Task An_open_exchange_stays_open_over_a_reload_that_takes_nothing_away(string kind)
    {
        await using var bed = await ExchangeBed.Start(kind);
        var (access, _) = await bed.LogIn("operator");
        var kept = await bed.Open(access);
        var version = bed.Broker.Snapshots.Current.Version;

        await bed.Reload(config =>
        {
            config["Broker"]!["Callers"]!["clerk"]!["Disabled"] = true;
            config["ReverseProxy"]!["Routes"]!["open"]!["Metadata"]!["x-note"] = "another";
            config["ReverseProxy"]!["Routes"]!["net"]!["Metadata"]!["Action"] = "ManageUser";
            Array(config, "operator", "Actions").Add("ManageDeviceType");
        });
        await bed.Post("/oauth/revoke-all", "caller=key%3Aclerk&client_id=admin&client_secret=" + Uri.EscapeDataString(TokenBed.Password));

        bed.Broker.Snapshots.Current.Version.ShouldBeGreaterThan(version);
        await Task.Delay(TimeSpan.FromSeconds(1.5)); // several looks: nothing is to happen, so there is nothing to wait for
        kept.IsCompleted.ShouldBeFalse();
        bed.Broker.Log.ShouldNotContain("\"Id\":440");
    }

    private static DateTimeOffset EndOf(string token) =>
        DateTimeOffset.FromUnixTimeSeconds(TokenBed.Claims(token).GetProperty("exp").GetInt64());

    private static TheoryData<string, string> Rows(Func<string, int, bool> isIn)
    {
        var rows = new TheoryData<string, string>();
        foreach (var kind in ExchangeBed.Kinds)
        {
            for (var i = 0; i < Ends.Length; i++)
            {
                if (isIn(kind, i))
                {
                    rows.Add(kind, Ends[i].Event);
                }
            }
        }

        return rows;
    }

    private static async Task<(string Credential, Func<Task> Happen)> Prepare(ExchangeBed bed, string what)
    {
        if (what.Contains("API key", StringComparison.Ordinal) || what.Contains("password", StringComparison.Ordinal))
        {
            return (
                what.Contains("API", StringComparison.Ordinal)
                    ? "key:app-key"
                    : "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("operator:" + TokenBed.Password)),
                () => bed.Reload(config => Change(config, what))
            );
        }

        var (access, refresh) = await bed.LogIn("operator");
        if (what.Contains("creator", StringComparison.Ordinal))
        {
            var (admin, _) = await bed.LogIn("admin");
            access = JsonNode.Parse(await bed.Post("/token/create", """{"userId":2}""", admin, "application/json"))![
                "accessToken"
            ]!.GetValue<string>();
        }

        Task Revoke(string path, string form) =>
            bed.Post("/oauth/" + path, $"{form}&client_id=admin&client_secret={Uri.EscapeDataString(TokenBed.Password)}");
        return what switch
        {
            "the token expires" => (bed.Ending(access, TimeSpan.FromSeconds(2)), () => Task.CompletedTask),
            "the token is revoked" => (access, () => Revoke("revoke", "token=" + access)),
            "the session is revoked" => (access, () => Revoke("revoke", "token=" + refresh)),
            "all of the caller is revoked" => (access, () => Revoke("revoke-all", "caller=key%3Aoperator")),
            "all of the creator of the token is revoked" => (access, () => Revoke("revoke-all", "caller=key%3Aadmin")),
            _ => (access, () => bed.Reload(config => Change(config, what))),
        };
    }

    private static void Change(JsonObject config, string what)
    {
        var callers = config["Broker"]!["Callers"]!.AsObject();
        var routes = config["ReverseProxy"]!["Routes"]!.AsObject();
        switch (what)
        {
            case "the caller is disabled":
                callers["operator"]!["Disabled"] = true;
                break;
            case "the caller is removed":
                callers.Remove("operator");
                break;
            case "the caller is narrowed":
                callers["operator"]!["Actions"] = new JsonArray("GetNetwork");
                break;
            case "the creator of the token is narrowed":
                callers["admin"]!["Actions"] = new JsonArray("GetNetwork");
                break;
            case "the creator of the token is removed":
                callers.Remove("admin");
                config["Broker"]!["TokenService"]!.AsObject().Remove("Plugins");
                break;
            case "the signing key is replaced":
                config["Broker"]!["Issuing"] = JsonNode.Parse(
                    """{ "SigningKeys": { "k2": { "Algorithm": "HS256", "Key": { "Env": "OTHER" } } } }"""
                );
                break;
            case "the API key is replaced":
                callers["app"]!["Keys"]![0]!["Sha256"] = TestConfig.DigestOf("another-key");
                break;
            case "the API key moves to another caller":
                callers["app"]!["Keys"]![0]!["Sha256"] = TestConfig.DigestOf("another-key");
                callers["tester"]!["Keys"]![0]!["Sha256"] = TestConfig.DigestOf("app-key");
                break;
            case "the password is replaced":
                callers["operator"]!["Basic"]!["Hash"] = JsonNode.Parse("""{ "Env": "OTHER_HASH" }""");
                break;
            case "the password is removed":
                callers["operator"]!.AsObject().Remove("Basic");
                callers["operator"]!["Keys"] = JsonNode.Parse($$"""[ { "Sha256": "{{TestConfig.DigestOf("operator-key")}}" } ]""");
                break;
            case "the route is removed":
                routes.Remove("open");
                break;
            case "the route demands another action":
                routes["open"]!["Metadata"]!["Action"] = "ManageUser";
                break;
            case "the route takes other credentials":
                routes["open"]!["Metadata"]!["Credentials"] = "ApiKey";
                break;
            case "the route denies all":
                routes["open"]!["Metadata"] = JsonNode.Parse("""{ "Deny": "true" }""");
                break;
            case "the route matches another path":
                routes["open"]!["Match"]!["Path"] = "/opened/{kind}";
                break;
            case "a narrower route denies the path":
                foreach (var kind in ExchangeBed.Kinds.Select(kind => kind[..^3]).Distinct())
                {
                    routes["not-" + kind] = JsonNode.Parse(
                        $$"""{ "ClusterId": "api", "Match": { "Path": "/open/{{kind}}" }, "Metadata": { "Deny": "true" } }"""
                    );
                }

                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(what), what, null);
        }
    }

    private static JsonArray Array(JsonObject config, string caller, string member) =>
        config["Broker"]!["Callers"]![caller]![member]!.AsArray();
}
