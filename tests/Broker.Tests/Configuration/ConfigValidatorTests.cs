using Broker.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Broker.Tests.Configuration;

public sealed class ConfigValidatorTests : IDisposable
{
    private const string A = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    private const string B = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    private const string C = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

    private readonly Files files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData(
        """{"a":{"Keys":[{"Sha256":"A"},{"Sha256":"B"}],"Actions":["GetDevice","2","getnetwork"],"UserId":1},"b":{"Keys":[{"Sha256":"C"}],"UserId":2}}""",
        ""
    )]
    [InlineData(
        """{"a":{"UserId":1,"Actions":["GetDevise"]}}""",
        "Broker:Callers:a:Actions:0: there is no action 'GetDevise': did you mean 'GetDevice'?"
    )]
    [InlineData("""{"a":{"UserId":1,"Actions":["999"]}}""", "Broker:Callers:a:Actions:0: there is no action '999'")]
    [InlineData("""{"a":{"Keys":[{"Sha256":"A"},{"Sha256":"B"},{"Sha256":"C"}]}}""", "Broker:Callers:a:Keys: 2 keys at most")]
    [InlineData(
        """{"a":{"Keys":[{"Sha256":"A"}]},"b":{"Keys":[{"Sha256":"A"}]}}""",
        "Broker:Callers:b:Keys:0:Sha256: is a digest of 'a' as well"
    )]
    [InlineData(
        """{"a":{"Keys":[{"Sha256":"A"},{"Sha256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}}""",
        "Broker:Callers:a:Keys:1:Sha256: is a digest of 'a' as well"
    )]
    [InlineData("""{"a":{"Keys":[{"Sha256":"my-own-key"}]}}""", "Broker:Callers:a:Keys:0:Sha256: is no SHA-256 digest in hex (64 digits)")]
    [InlineData("""{"a":{"UserId":1},"b":{"UserId":1}}""", "Broker:Callers:b:UserId: is the number of 'a' as well")]
    [InlineData("""{"a":{"UserId":-1}}""", "Broker:Callers:a:UserId: 0 or more")]
    [InlineData("""{"a":{"Networks":[""]}}""", "Broker:Callers:a:Networks:0: a name cannot be empty")]
    [InlineData("""{"a":{"Actions":[""]}}""", "Broker:Callers:a:Actions:0: a name cannot be empty")]
    [InlineData("""{"a":{"Accounts":{"no":"default"}}}""", "Broker:Callers:a:Accounts:no: there is no upstream 'no'")]
    [InlineData(
        """{"a":{"Accounts":{"s":"no"}}}""",
        "Broker:Callers:a:Accounts:s: the upstream 's' has no account of that name; it has: one, two"
    )]
    [InlineData("""{"a":{"Accounts":{"s":"two"}}}""", "")]
    [InlineData("""{"a":{"ConcurrentRequests":0}}""", "Broker:Callers:a:ConcurrentRequests: at least 1")]
    public void Callers_are_judged(string callers, string mistake) =>
        Judge(
            """
            {"Broker":{"Callers":CALLERS,
              "Upstreams":{"s":{"Kind":"Static","Accounts":{"one":{"Header":"x","Value":{"Env":"S"}},"two":{"Header":"x","Value":{"Env":"S"}}}}}}}
            """.Replace("CALLERS", callers.Replace("\"A\"", $"\"{A}\"").Replace("\"B\"", $"\"{B}\"").Replace("\"C\"", $"\"{C}\"")),
            mistake
        );

    [Theory]
    [InlineData("""{"Fly":1000,"Land":{"Number":1001}}""", "")]
    [InlineData("""{"Fly":999}""", "Broker:Actions:Fly: 999 is DeviceHive's")]
    [InlineData("""{"Fly":1000,"Land":1000}""", "Broker:Actions:Land: the number 1000 is taken by 'Fly'")]
    [InlineData("""{"getdevice":1000}""", "Broker:Actions:getdevice: the name is DeviceHive's own action 'GetDevice'")]
    [InlineData("""{"1000":1000}""", "no name for an action")]
    [InlineData("""{"*":1000}""", "no name for an action")]
    [InlineData("""{"none":1000}""", "no name for an action")]
    public void Actions_are_judged(string actions, string mistake) => Judge("{\"Broker\":{\"Actions\":" + actions + "}}", mistake);

    [Fact]
    public void A_caller_may_hold_an_action_that_the_config_adds()
    {
        var snapshot = files
            .Load("""{"Broker":{"Actions":{"StartCharging":1001},"Callers":{"a":{"UserId":1,"Actions":["StartCharging","1001"]}}}}""")
            .Good();
        snapshot.Actions.Select(snapshot.Broker.Callers["a"].Actions, out var unknown).Names.ShouldBe(["StartCharging"]);
        unknown.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("\"Networks\":[\"1\",\"1\"]", "Broker:Callers:a:Networks: '1' stands here more than once")]
    [InlineData("\"Networks\":[\"1\",\"*\"]", "Broker:Callers:a:Networks: \"*\" is everything already")]
    [InlineData("", "Broker:Callers:a: has no credential")]
    public void What_is_only_odd_is_a_warning(string selection, string warning)
    {
        var caller = selection.Length > 0 ? "\"Keys\":[{\"Sha256\":\"" + A + "\"}]," + selection : "";
        var result = Load("{\"Broker\":{\"Callers\":{\"a\":{" + caller + "}}}}");
        result.Snapshot.ShouldNotBeNull();
        result.Warnings().ShouldHaveSingleItem().ShouldStartWith(warning);
    }

    [Fact]
    public void A_caller_without_a_credential_may_hold_a_token_when_there_is_issuing()
    {
        files.Environment["K"] = "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5";
        files
            .Load(
                """{"Broker":{"Issuing":{"SigningKeys":{"k":{"Algorithm":"HS256","Key":{"Env":"K"}}}},"Callers":{"a":{"Actions":["GetDevice"]}}}}"""
            )
            .ConfigErrors.All.ShouldBeEmpty();
    }

    [Fact]
    public void A_caller_whom_nobody_can_be_and_who_may_do_nothing_is_a_warning()
    {
        files.Environment["K"] = "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5";
        files
            .Load("""{"Broker":{"Issuing":{"SigningKeys":{"k":{"Algorithm":"HS256","Key":{"Env":"K"}}}},"Callers":{"ghost":{}}}}""")
            .Warnings()
            .ShouldHaveSingleItem()
            .ShouldStartWith("Broker:Callers:ghost: has no credential and no action");
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData(",\"Headers\":[\"X-Api-Key\"]", 0)]
    public void A_cors_policy_without_headers_is_a_warning(string headers, int warnings) =>
        files
            .Load("{\"Broker\":{\"Cors\":{\"c\":{\"Origins\":[\"https://a.example\"]" + headers + "}}}}")
            .Warnings()
            .Count(warning => warning.StartsWith("Broker:Cors:c:Headers: is empty", StringComparison.Ordinal))
            .ShouldBe(warnings);

    [Theory]
    [InlineData("\"kind\":\"Telemax\"", "Broker:Upstreams:t:kind: case matters, write 'Kind'")]
    [InlineData("\"Kind\":\"telemax\"", "Broker:Upstreams:t:Kind: there is no kind 'telemax'; case matters, write 'Telemax'")]
    public void A_kind_in_another_case_is_told_so(string kind, string mistake) =>
        files.Load("{\"Broker\":{\"Upstreams\":{\"t\":{" + kind + "}}}}").Errors().ShouldBe([mistake]);

    [Theory]
    [InlineData("", "")]
    [InlineData("\"Authority\":\"http://i\"", "Broker:Issuers:corp:Authority: is not https")]
    [InlineData("\"Authority\":\"http://i\",\"AllowInsecure\":true", "")]
    [InlineData("\"Authority\":\"i\"", "Broker:Issuers:corp:Authority: is no https address")]
    [InlineData("\"KeyFile\":\"k\"", "Broker:Issuers:corp: write exactly one of Authority and KeyFile")]
    [InlineData("\"Authority\":null,\"Issuer\":\"i\"", "Broker:Issuers:corp: write exactly one of Authority and KeyFile")]
    [InlineData("\"Audiences\":[]", "Broker:Issuers:corp:Audiences: name at least one")]
    [InlineData("\"Algorithms\":[\"PS512\",\"ES384\"]", "")]
    [InlineData("\"Algorithms\":[\"HS256\"]", "Broker:Issuers:corp:Algorithms:0: a shared secret verifies no external issuer")]
    [InlineData("\"Algorithms\":[\"none\"]", "Broker:Issuers:corp:Algorithms:0: an unsigned token is no credential")]
    [InlineData("\"Algorithms\":[\"rs256\"]", "Broker:Issuers:corp:Algorithms:0: 'rs256' is not accepted")]
    [InlineData("\"Algorithms\":[]", "Broker:Issuers:corp:Algorithms: name at least one")]
    [InlineData("\"Networks\":{}", "Broker:Issuers:corp:Networks: write exactly one of Claim and Const")]
    [InlineData("\"Networks\":{\"Claim\":\"n\",\"Const\":[\"1\"]}", "Broker:Issuers:corp:Networks: write exactly one of Claim and Const")]
    [InlineData("\"Networks\":{\"Const\":[\"1\"],\"Map\":{}}", "Broker:Issuers:corp:Networks:Map: a Map needs")]
    [InlineData(
        "\"Actions\":{\"Claim\":\"scope\",\"Map\":{\"read\":[\"GetDevise\"]}}",
        "Broker:Issuers:corp:Actions:Map:read:0: there is no action 'GetDevise'"
    )]
    [InlineData("\"Actions\":{\"Const\":[\"GetDevise\"]}", "Broker:Issuers:corp:Actions:Const:0: there is no action 'GetDevise'")]
    [InlineData("\"ClockSkew\":\"01:00:00\"", "Broker:Issuers:corp:ClockSkew: is between 0 and 5 minutes")]
    [InlineData("\"Accounts\":{\"no\":\"x\"}", "Broker:Issuers:corp:Accounts:no: there is no upstream 'no'")]
    public void Issuers_are_judged(string change, string mistake) =>
        Judge("{\"Broker\":{\"Issuers\":{\"corp\":" + Issuer(change) + "}}}", mistake);

    [Theory]
    [InlineData("key")]
    [InlineData("User")]
    [InlineData("token")]
    public void An_issuer_takes_no_source_of_the_brokers_own(string name) =>
        Judge(
            "{\"Broker\":{\"Issuers\":{\"" + name + "\":" + Issuer("") + "}}}",
            $"Broker:Issuers:{name}: the name '{name}' is a source of the broker's own"
        );

    [Fact]
    public void Two_issuers_with_one_iss_are_a_mistake() =>
        Judge(
            "{\"Broker\":{\"Issuers\":{\"a\":" + Issuer("") + ",\"b\":" + Issuer("") + "}}}",
            "Broker:Issuers:b:Issuer: is the issuer of 'a' as well"
        );

    [Theory]
    [InlineData("\"SigningKeys\":{}", "Broker:Issuing:SigningKeys: name at least one key")]
    [InlineData("\"AccessLifetime\":\"00:00:00\"", "Broker:Issuing:AccessLifetime: between a second and ten years")]
    [InlineData("\"Issuer\":\"\"", "Broker:Issuing: Issuer and Audience can't be empty")]
    public void Issuing_is_judged(string change, string mistake)
    {
        files.Environment["K"] = Convert.ToBase64String(Enumerable.Range(1, 32).Select(number => (byte)number).ToArray());
        var keys = change.Contains("SigningKeys", StringComparison.Ordinal)
            ? ""
            : """, "SigningKeys":{"k":{"Algorithm":"HS256","Key":{"Env":"K"}}}""";
        Judge("{\"Broker\":{\"Issuing\":{" + change + keys + "}}}", mistake);
    }

    [Theory]
    [InlineData("\"https://a.example\"", "", "")]
    [InlineData("\"http://localhost:3000\"", ",\"Credentials\":true", "")]
    [InlineData("\"*\"", "", "")]
    [InlineData("\"*\"", ",\"Credentials\":true", "Broker:Cors:c:Origins: \"*\" with Credentials")]
    [InlineData("\"https://a.example/\"", "", "Broker:Cors:c:Origins:0: an origin is")]
    [InlineData("\"https://a.example:443\"", "", "Broker:Cors:c:Origins:0: an origin is")]
    [InlineData("\"https://A.example\"", "", "Broker:Cors:c:Origins:0: an origin is")]
    [InlineData("\"a.example\"", "", "Broker:Cors:c:Origins:0: an origin is")]
    [InlineData("\"null\"", "", "Broker:Cors:c:Origins:0: an origin is")]
    [InlineData("\"https://*.example\"", "", "Broker:Cors:c:Origins:0: an origin is")]
    public void Cors_is_judged(string origin, string more, string mistake) =>
        Judge("{\"Broker\":{\"Cors\":{\"c\":{\"Origins\":[" + origin + "]" + more + "}}}}", mistake);

    [Theory]
    [InlineData("\"PollInterval\":\"00:00:00.05\"", "Broker:PollInterval: 00:00:00.0500000 is not within")]
    [InlineData("\"Forwarding\":{\"ReplayBodyLimit\":16777217}", "Broker:Forwarding:ReplayBodyLimit")]
    [InlineData("\"Forwarding\":{\"ReplayBodyLimit\":-1}", "Broker:Forwarding:ReplayBodyLimit")]
    [InlineData("\"Forwarding\":{\"ReplayBodyLimit\":0}", "")]
    [InlineData("\"Forwarding\":{\"IdleTimeout\":\"00:00:00\"}", "Broker:Forwarding:IdleTimeout")]
    [InlineData("\"Limits\":{\"ConcurrentRequestsPerCaller\":0}", "Broker:Limits:ConcurrentRequestsPerCaller")]
    [InlineData("\"Limits\":{\"ConcurrentPasswordHashes\":65}", "Broker:Limits:ConcurrentPasswordHashes: is between 1 and 64")]
    [InlineData("\"Limits\":{\"RememberedCredentials\":-1}", "Broker:Limits:RememberedCredentials: is between 0 and 10000000")]
    [InlineData("\"Limits\":{\"RememberedCredentials\":0}", "")]
    [InlineData("\"Limits\":{\"RequestBodyBytes\":-1}", "Broker:Limits:RequestBodyBytes")]
    [InlineData("\"Limits\":{\"MinRequestBodyBytesPerSecond\":0}", "Broker:Limits:MinRequestBodyBytesPerSecond")]
    [InlineData("\"Telemetry\":{\"OtlpEndpoint\":\"collector\"}", "Broker:Telemetry:OtlpEndpoint: an absolute address is needed")]
    public void Sizes_times_and_addresses_are_judged(string change, string mistake) => Judge("{\"Broker\":{" + change + "}}", mistake);

    [Theory]
    [InlineData("http://127.0.0.1:8080", false, "")]
    [InlineData("http://localhost:8080", false, "")]
    [InlineData("http://[::1]:8080", false, "")]
    [InlineData("http://127.3.2.1:8080", false, "")]
    [InlineData("https://*:8443", false, "")]
    [InlineData("http://*:8080", false, "Kestrel:Endpoints:p:Url: is cleartext")]
    [InlineData("http://0.0.0.0:8080", false, "Kestrel:Endpoints:p:Url: is cleartext")]
    [InlineData("http://[::]:8080", false, "Kestrel:Endpoints:p:Url: is cleartext")]
    [InlineData("http://localhost.example:8080", false, "Kestrel:Endpoints:p:Url: is cleartext")]
    [InlineData("HTTP://+:8080", false, "Kestrel:Endpoints:p:Url: is cleartext")]
    [InlineData("http://*:8080", true, "")]
    [InlineData("nonsense", true, "Kestrel:Endpoints:p:Url: where to listen")]
    [InlineData("http://127.0.0.1:8081", false, "Broker:Management:Url: the port 8081 is Kestrel:Endpoints:p's as well")]
    public void Listeners_are_judged(string url, bool allowInsecure, string mistake) =>
        Judge(
            $$$"""{"Kestrel":{"Endpoints":{"p":{"Url":"{{{url}}}"} },"Certificates":{"Default":{"Path":"/dev/null"} } },"Broker":{"AllowInsecure":{{{(allowInsecure ? "true" : "false")}}} } }""",
            mistake
        );

    [Theory]
    [InlineData("http://0.0.0.0:8081", "Broker:Management:Url: is cleartext")]
    [InlineData("127.0.0.1:8081", "Broker:Management:Url: where to listen")]
    public void The_management_listener_is_judged(string url, string mistake) =>
        Judge("{\"Broker\":{\"Management\":{\"Url\":\"" + url + "\"}}}", mistake);

    [Fact]
    public void A_certificates_password_is_not_written_in_the_config()
    {
        files.Environment["PFX"] = "hunter2";
        const string Config =
            """{"Kestrel":{"Endpoints":{"p":{"Url":"https://*:1","Certificate":{"Path":"/dev/null","Password":"WORD"}}}}}""";
        Judge(Config.Replace("WORD", "hunter2"), "Kestrel:Endpoints:p:Certificate:Password: secrets are named, never written");
        Judge(Config.Replace("WORD", "${PFX}"), "");
    }

    private static string Issuer(string change)
    {
        var keys = new Dictionary<string, string>
        {
            ["Authority"] = "\"https://i\"",
            ["Audiences"] = "[\"a\"]",
            ["Actions"] = """{"Const":["*"]}""",
            ["Networks"] = """{"Const":["*"]}""",
            ["DeviceTypes"] = """{"Const":["*"]}""",
            ["Devices"] = """{"Claim":"devices"}""",
        };
        foreach (var (name, value) in System.Text.Json.Nodes.JsonNode.Parse("{" + change + "}")!.AsObject())
        {
            if (value is null)
            {
                keys.Remove(name);
            }
            else
            {
                keys[name] = value.ToJsonString();
            }
        }

        return "{" + string.Join(",", keys.Select(key => $"\"{key.Key}\":{key.Value}")) + "}";
    }

    // As the broker does: each folder judges what it compiles.
    private LoadResult Load(string config)
    {
        using var host = new BrokerHost(
            [files.Write("0.json", config)],
            files.Environment.GetValueOrDefault,
            NullLoggerFactory.Instance,
            TimeProvider.System
        );
        return host.Loader.Load();
    }

    private void Judge(string config, string mistake)
    {
        files.Environment["S"] = "s";
        var result = Load(config);
        if (mistake.Length == 0)
        {
            result.Errors().ShouldBeEmpty();
            result.Snapshot.ShouldNotBeNull();
        }
        else
        {
            var error = result.Errors().ShouldHaveSingleItem();
            error.ShouldContain(mistake);
            error.ShouldNotContain("hunter2");
            error.ShouldNotContain("my-own-key");
        }
    }
}
