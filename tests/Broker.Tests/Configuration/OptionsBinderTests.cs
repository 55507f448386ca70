using Broker.Configuration;
using Shouldly;
using Xunit;

namespace Broker.Tests.Configuration;

public sealed class OptionsBinderTests : IDisposable
{
    private readonly Files files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("""{"Broker":{"Caller":{}}}""", "Broker:Caller: unknown key: did you mean 'Callers'?")]
    [InlineData("""{"Broker":{"callers":{}}}""", "Broker:callers: unknown key: case matters, write 'Callers'")]
    [InlineData("""{"Broker":{"Callers":{"a":{"Network":["1"]}}}}""", "Broker:Callers:a:Network: unknown key: did you mean 'Networks'?")]
    [InlineData("""{"broker":{}}""", "broker: unknown section: case matters, write 'Broker'")]
    [InlineData("""{"Brokr":{}}""", "Brokr: unknown section: did you mean 'Broker'?")]
    [InlineData(
        """{"ReverseProxy":{"Routes":{"r":{"AuthorizatonPolicy":"x"}}}}""",
        "ReverseProxy:Routes:r:AuthorizatonPolicy: unknown key: did you mean 'AuthorizationPolicy'?"
    )]
    [InlineData("""{"ReverseProxy":{"Routes":{"r":{"Match":{"Methds":[]}}}}}""", "did you mean 'Methods'?")]
    [InlineData(
        """{"ReverseProxy":{"Routes":{"r":{"Transforms":[{"PathPatern":"/x"}]}}}}""",
        "ReverseProxy:Routes:r:Transforms:0: no transform of YARP's has the key 'PathPatern': did you mean 'PathPattern'?"
    )]
    [InlineData(
        """{"ReverseProxy":{"Routes":{"r":{"Transforms":[{"RequestHeader":"x","Sett":"/x"}]}}}}""",
        "Transforms:0:Sett: unknown key of the transform RequestHeader"
    )]
    [InlineData(
        """{"ReverseProxy":{"Clusters":{"c":{"HttpClient":{"DangerousAcceptAnyServerCertficate":true}}}}}""",
        "did you mean 'DangerousAcceptAnyServerCertificate'?"
    )]
    [InlineData(
        """{"ReverseProxy":{"Routes":{"r":{"Metadata":{"a:b":"x"}}}}}""",
        "ReverseProxy:Routes:r:Metadata:a:b: a key of this section holds no ':'"
    )]
    [InlineData("""{"Kestrel":{"Endpoint":{}}}""", "did you mean 'Endpoints'?")]
    [InlineData("""{"Serilog":{"MinimumLevl":"x"}}""", "did you mean 'MinimumLevel'?")]
    public void An_unknown_key_is_a_mistake_that_names_the_nearest(string config, string mistake) =>
        files.Load(config).Errors().ShouldHaveSingleItem().ShouldContain(mistake);

    [Theory]
    [InlineData("""{"Logging":{}}""", "Serilog")]
    [InlineData("""{"AllowedHosts":"*"}""", "Match:Hosts")]
    [InlineData("""{"ConnectionStrings":{}}""", "\"File\"")]
    [InlineData("""{"Broker":{"TokenService":{}}}""", "configure Broker:Issuing")]
    [InlineData("""{"Broker":{"Users":{}}}""", "give one in 'Broker:Callers' a UserId and Basic")]
    [InlineData("""{"Broker":{"RateLimits":{}}}""", "is not in this version")]
    [InlineData(
        """{"Broker":{"Upstreams":{"s":{"Kind":"Static","Accounts":{},"Directory":{}}}}}""",
        "Broker:Upstreams:s:Directory: is not in this version"
    )]
    public void What_people_will_try_gets_a_word_of_its_own(string config, string cure) =>
        files.Load(config).Errors().ShouldHaveSingleItem().ShouldContain(cure);

    [Theory]
    [InlineData("""{"Broker":{"Upstreams":{"s":{"Kind":"Telemax","TokenEndpoint":"https://t/","QuietTime":"00:00:01"}}}}""", "RetryDelay")]
    [InlineData(
        """{"Broker":{"Upstreams":{"s":{"Kind":"Telemax","TokenEndpoint":"https://t/","QuietTimeMax":"00:00:01"}}}}""",
        "MaxRetryDelay"
    )]
    [InlineData(
        """{"Broker":{"Upstreams":{"s":{"Kind":"Telemax","TokenEndpoint":"https://t/","Patience":"00:00:01"}}}}""",
        "TokenWaitTimeout"
    )]
    [InlineData(
        """{"Broker":{"Upstreams":{"s":{"Kind":"Telemax","TokenEndpoint":"https://t/","UnusedAfter":"00:00:01"}}}}""",
        "IdleTimeout"
    )]
    [InlineData(
        """{"Broker":{"Upstreams":{"s":{"Kind":"OAuth2","TokenEndpoint":"https://t/","Accounts":{"a":{"ClientId":"c","Keep":"/f"}}}}}}""",
        "RefreshTokenFile"
    )]
    [InlineData("""{"Broker":{"Redis":{"Endpoints":["r:1"],"NameKey":{"Env":"X"}}}}""", "NamingKey")]
    [InlineData("""{"Broker":{"Redis":{"Endpoints":["r:1"],"EpochPause":"00:00:01"}}}""", "RecoveryDelay")]
    [InlineData("""{"Broker":{"Redis":{"Endpoints":["r:1"],"RefreshLives":"00:00:01"}}}""", "RefreshTokenTtl")]
    public void A_key_that_was_renamed_is_answered_with_its_new_name(string config, string now) =>
        files.Load(config).Errors().ShouldContain(error => error.Contains($"was renamed: write '{now}'", StringComparison.Ordinal));

    [Theory]
    [InlineData("""{"Broker":{"PollInterval":"5"}}""", "Broker:PollInterval: a time is needed as \"hh:mm:ss\" or \"d.hh:mm:ss\", not '5'")]
    [InlineData("""{"Broker":{"PollInterval":5}}""", "a time is needed")]
    [InlineData("""{"Broker":{"PollInterval":"-00:00:05"}}""", "never negative")]
    [InlineData("""{"Broker":{"PollInterval":"25:00:00"}}""", "a time is needed")]
    [InlineData("""{"Broker":{"AllowInsecure":1}}""", "true or false is needed")]
    [InlineData("""{"Broker":{"Limits":{"RequestLineBytes":"5000"}}}""", "a whole number is needed, without quotes")]
    [InlineData("""{"Broker":{"Limits":{"RequestLineBytes":5000.5}}}""", "a whole number is needed")]
    [InlineData("""{"Broker":{"Limits":{"RequestLineBytes":5e9}}}""", "a whole number is needed")]
    [InlineData("""{"Broker":{"Limits":{"MinRequestBodyBytesPerSecond":1e999}}}""", "a number is needed")]
    [InlineData(
        """{"Broker":{"Callers":{"a":{"Networks":[12]}}}}""",
        "Broker:Callers:a:Networks:0: a string is needed; write ids as strings: \"12\""
    )]
    [InlineData("""{"Broker":{"Callers":{"a":{"Networks":"*"}}}}""", "Broker:Callers:a:Networks: a list is needed: [ ... ], not a string")]
    [InlineData("""{"Broker":{"Callers":{"a":[]}}}""", "Broker:Callers:a: an object is needed: { ... }, not a list")]
    [InlineData("""{"Broker":{"Callers":[]}}""", "Broker:Callers: an object of names is needed")]
    [InlineData("""{"Broker":{"Callers":{"a:b":{}}}}""", "a name holds no ':' and no '/'")]
    [InlineData("""{"Broker":{"Callers":{"":{}}}}""", "a name cannot be empty")]
    [InlineData("""{"Broker":{"Callers":{"a":{"Keys":[{}]}}}}""", "Broker:Callers:a:Keys:0:Sha256: is required")]
    [InlineData(
        """{"Broker":{"Telemetry":{"OtlpEndpoint":"http://x","Protocol":"grpc"}}}""",
        "Broker:Telemetry:Protocol: 'grpc' is none of Grpc, HttpProtobuf: case matters, write 'Grpc'"
    )]
    [InlineData("""{"Broker":{"Telemetry":{"OtlpEndpoint":"http://x","Protocol":"1"}}}""", "is none of Grpc, HttpProtobuf")]
    [InlineData(
        """{"Broker":{"Upstreams":{"u":{"TokenEndpoint":"https://x"}}}}""",
        "Broker:Upstreams:u:Kind: is required: one of OAuth2, Telemax, Damoov, DeviceHive, Static"
    )]
    [InlineData(
        """{"Broker":{"Upstreams":{"u":{"Kind":"Damov"}}}}""",
        "Broker:Upstreams:u:Kind: there is no kind 'Damov'; did you mean 'Damoov'?"
    )]
    [InlineData("""{"Broker":{"Actions":{"Fly":"1000"}}}""", "Broker:Actions:Fly: a whole number is needed")]
    [InlineData("""{"Broker":{"Actions":{"Fly":{}}}}""", "Broker:Actions:Fly:Number: is required")]
    [InlineData("""{"Broker":[]}""", "Broker: an object is needed")]
    public void A_value_of_the_wrong_form_is_told_with_its_path(string config, string mistake) =>
        files.Load(config).Errors().ShouldHaveSingleItem().ShouldContain(mistake);

    [Fact]
    public void Every_form_of_a_value_is_read()
    {
        files.Environment["S"] = "s";
        var broker = files
            .Load(
                """
                {"Broker":{
                  "Actions":{"Fly":1000,"Land":{"Number":1001,"HasReach":false}},
                  "Limits":{"RequestBodyBytes":5000000000,"MinRequestBodyBytesPerSecond":2.5},
                  "DrainDelay":"0.00:00:01.5",
                  "Upstreams":{"o":{"Kind":"OAuth2","TokenEndpoint":"https://x/t","Logins":[{"Permit":2,"Per":"00:01:00","Scope":"Endpoint"}],
                    "Accounts":{"default":{"ClientId":"c","ClientSecret":{"Env":"S"},"Parameters":{"urn:a/b":"v"}}}}},
                  "Issuers":{"corp":{"Authority":"https://i","Audiences":["a"],"Actions":{"Claim":"scope","Map":{"read:device":["GetDevice"]}},
                    "Networks":{"Const":["1"]},"DeviceTypes":{"Const":[]},"Devices":{"Const":["*"]}}}}}
                """
            )
            .Good();
        broker.Actions.HasReach("Land").ShouldBeFalse();
        broker.Actions.NumberOf("Fly").ShouldBe(1000);
        broker.Broker.Limits.RequestBodyBytes.ShouldBe(5_000_000_000);
        broker.Broker.Limits.MinRequestBodyBytesPerSecond.ShouldBe(2.5);
        broker.Broker.DrainDelay.ShouldBe(TimeSpan.FromSeconds(1.5));
        var oauth = broker.Broker.Upstreams["o"].ShouldBeOfType<OAuth2UpstreamOptions>();
        oauth.Logins.ShouldHaveSingleItem().Scope.ShouldBe(LoginScope.Endpoint);
        oauth.Accounts["default"].Parameters.ShouldHaveSingleItem().Key.ShouldBe("urn:a/b");
        oauth.Accounts["default"].ClientSecret!.Reveal().ShouldBe("s");
        oauth.TokenWaitTimeout.ShouldBe(TimeSpan.FromSeconds(15));
        broker.Broker.Issuers["corp"].Actions.Map!["read:device"].ShouldBe(["GetDevice"]);
    }

    [Fact]
    public void Every_mistake_is_told_at_once()
    {
        var errors = files
            .Load(
                """
                {"Logging":{},
                 "Kestrel":{"Endpoints":{"p":{"Url":"http://*:80"}}},
                 "ReverseProxy":{"Routes":{"r":{"AuthorizatonPolicy":"x"}},"Clusters":{"c":{"Destination":{}}}},
                 "Broker":{"PollInterval":"5s",
                   "Upstreams":{"t":{"Kind":"Telemax","TokenEndpoint":"https://t/","Accounts":{"default":{"UserName":"u","Password":"hunter2"}}}},
                   "Callers":{"a":{"Networks":[12],"Accounts":{"t":"other"}}}}}
                """
            )
            .Errors();
        errors
            .Select(error => error[..error.IndexOf(": ", StringComparison.Ordinal)])
            .Order()
            .ShouldBe([
                "Broker:Callers:a:Accounts:t",
                "Broker:Callers:a:Networks:0",
                "Broker:PollInterval",
                "Broker:Upstreams:t:Accounts:default:Password",
                "Kestrel:Endpoints:p:Url",
                "Logging",
                "ReverseProxy:Clusters:c:Destination",
                "ReverseProxy:Routes:r:AuthorizatonPolicy",
            ]);
    }

    [Fact]
    public void A_name_whose_entry_has_a_mistake_is_still_a_name()
    {
        // One mistake in the upstream, and none about the caller that uses it.
        files
            .Load(
                """
                {"Broker":{"Upstreams":{"t":{"Kind":"Telemaxx","Accounts":{"default":{}}}},"Actions":{"Fly":true},
                  "Callers":{"a":{"Actions":["Fly"],"Accounts":{"t":"default"}}}}}
                """
            )
            .Errors()
            .Count.ShouldBe(2);
    }
}
