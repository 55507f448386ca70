using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>rights.md 1 to 6 at the request: what is reached, and what nobody may reach.</summary>
public sealed class ReachTests(ReachTests.Routing stage) : IClassFixture<ReachTests.Routing>
{
    public sealed class Routing : Stage
    {
        protected override IEnumerable<(string Name, string Route)> Routes =>
            [
                ("device", """{ "Match": { "Path": "/device/{id}" }, "Metadata": { "Action": "GetDevice", "Device": "route:id" } }"""),
                (
                    "beside",
                    """{ "Match": { "Path": "/beside/{id}" }, "Metadata": { "Action": "GetDevice", "Device": "route:id", "Network": "query:networkId", "DeviceType": "query:typeId" } }"""
                ),
                (
                    "const",
                    """{ "Match": { "Path": "/const/{id}" }, "Metadata": { "Action": "GetDevice", "Device": "route:id", "Network": "const:12", "DeviceType": "const:3" } }"""
                ),
                (
                    "const13",
                    """{ "Match": { "Path": "/const13/{id}" }, "Metadata": { "Action": "GetDevice", "Device": "route:id", "Network": "const:13", "DeviceType": "const:3" } }"""
                ),
                (
                    "half",
                    """{ "Match": { "Path": "/half/{id}" }, "Metadata": { "Action": "GetDevice", "Device": "route:id", "Network": "const:12" } }"""
                ),
                ("network", """{ "Match": { "Path": "/network/{id}" }, "Metadata": { "Action": "GetNetwork", "Network": "route:id" } }"""),
                ("type", """{ "Match": { "Path": "/type/{id}" }, "Metadata": { "Action": "GetDeviceType", "DeviceType": "route:id" } }"""),
                ("all", """{ "Match": { "Path": "/all" }, "Metadata": { "Action": "GetDevice", "Reach": "all" } }"""),
                ("none", """{ "Match": { "Path": "/none" }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""),
                (
                    "public",
                    """{ "Match": { "Path": "/public/{name}" }, "AuthorizationPolicy": "Anonymous", "Metadata": { "Deny": "route:name=secret" } }"""
                ),
                (
                    "public-token",
                    """{ "Match": { "Path": "/public-token" }, "AuthorizationPolicy": "Anonymous", "Metadata": { "Account": "default" } }"""
                ),
                ("denied", """{ "Match": { "Path": "/denied/{**rest}" }, "Metadata": { "Deny": "true" } }"""),
                (
                    "conf",
                    """{ "Match": { "Path": "/conf/{name}" }, "Metadata": { "Action": "ManageConfiguration", "Reach": "none", "Deny": "route:name=jwt.secret,route:name=all" } }"""
                ),
                (
                    "loose",
                    """{ "Match": { "Path": "/loose/{name}" }, "Metadata": { "Action": "ManageConfiguration", "Reach": "none", "Path": "Loose", "Deny": "route:name=jwt.secret" } }"""
                ),
                (
                    "query",
                    """{ "Match": { "Path": "/query" }, "Metadata": { "Action": "ManageConfiguration", "Reach": "none", "Deny": "query:name=jwt.secret,header:X-Name=jwt.secret,query:names[]=jwt.secret" } }"""
                ),
            ];

        protected override JsonObject Config()
        {
            var config = base.Config();
            AddCaller(config, "typed", "typed-key", "*", "*", "3", "*");
            AddCaller(config, "nothing", "nothing-key", "*", "*", "*", "*");
            config["Broker"]!["Callers"]!["nothing"]!.AsObject().Remove("Devices");
            return config;
        }
    }

    [Theory]
    [InlineData("/device/mine", Stage.All, null)]
    [InlineData("/device/mine", Stage.MineAnywhere, null)]
    [InlineData("/device/victim", Stage.MineAnywhere, "device-not-granted")]
    [InlineData("/device/MINE", Stage.MineAnywhere, "device-not-granted")]
    [InlineData("/device/*", Stage.MineAnywhere, "device-not-granted")]
    [InlineData("/device/mine", Stage.Narrow, "network-not-granted")] // no directory, no constant
    [InlineData("/device/mine", Stage.Network12, "network-not-granted")]
    [InlineData("/device/mine", "typed-key", "device-type-not-granted")]
    [InlineData("/device/mine", "nothing-key", "device-not-granted")]
    [InlineData("/beside/mine?networkId=12&typeId=3", Stage.All, null)]
    [InlineData("/beside/mine?networkId=12&typeId=3", Stage.Narrow, "network-not-granted")] // the caller's word for it
    [InlineData("/beside/victim?networkId=12&typeId=3", Stage.Network12, "network-not-granted")]
    [InlineData("/beside/mine?networkId=12&typeId=3", "typed-key", "device-type-not-granted")]
    [InlineData("/const/mine", Stage.Narrow, null)]
    [InlineData("/const/victim", Stage.Network12, null)] // all devices and types of network 12
    [InlineData("/const/victim", Stage.Narrow, "device-not-granted")]
    [InlineData("/const13/mine", Stage.Narrow, "network-not-granted")]
    [InlineData("/half/mine", Stage.Narrow, "device-type-not-granted")]
    [InlineData("/half/any", Stage.Network12, null)]
    [InlineData("/network/12", Stage.Network12, null)]
    [InlineData("/network/13", Stage.Network12, "network-not-granted")]
    [InlineData("/network/12", Stage.Narrow, "device-type-not-granted")]
    [InlineData("/network/12", Stage.MineAnywhere, "device-not-granted")] // devices are demanded as all
    [InlineData("/type/3", "typed-key", null)]
    [InlineData("/type/4", "typed-key", "device-type-not-granted")]
    [InlineData("/type/3", Stage.Narrow, "network-not-granted")]
    [InlineData("/all", Stage.All, null)]
    [InlineData("/all", Stage.Reader, null)]
    [InlineData("/all", Stage.Network12, "network-not-granted")]
    [InlineData("/all", "typed-key", "device-type-not-granted")]
    [InlineData("/all", Stage.MineAnywhere, "device-not-granted")]
    [InlineData("/all", "nothing-key", "device-not-granted")]
    [InlineData("/none", Stage.Narrow, null)]
    [InlineData("/none", "nothing-key", null)]
    [InlineData("/none", Stage.Reader, "action-not-granted")]
    [InlineData("/network/12", Stage.Reader, "action-not-granted")]
    public async Task What_is_reached_must_be_permitted_in_each_dimension(string target, string key, string? code)
    {
        var answer = await stage.Get(target, key);
        if (code is null)
        {
            stage.ShouldHaveCrossed(answer).Headers["Authorization"].ShouldBe($"Bearer {TestConfig.UpstreamSecret}");
        }
        else
        {
            stage.ShouldBeRefused(answer, 403, code);
        }
    }

    [Theory]
    [InlineData("/conf/jwt.secret")]
    [InlineData("/conf/jwt%2Esecret")]
    [InlineData("/conf/%6Awt.secret")]
    [InlineData("/conf/JWT.SECRET")]
    [InlineData("/conf/Jwt%2eSecret")]
    [InlineData("/conf/jwt%252Esecret")]
    [InlineData("/conf/%256Awt.secret")]
    [InlineData("/conf/%20jwt.secret")]
    [InlineData("/conf/jwt.secret/")]
    [InlineData("/conf/all")]
    [InlineData("/CONF/jwt.secret")]
    [InlineData("/loose/jwt.secret")]
    [InlineData("/loose/jwt.secret;x")]
    [InlineData("/loose/jwt.secret%3Bx=1")]
    [InlineData("/loose/jwt.secret%253Bx=1")]
    [InlineData("/loose/jwt.secret%20")]
    [InlineData("/loose/jwt.secret%2E")]
    [InlineData("/denied/anything")]
    [InlineData("/denied")]
    [InlineData("/query?name=jwt.secret")]
    [InlineData("/query?name=JWT%2Esecret")]
    [InlineData("/query?name=jwt%252Esecret")]
    [InlineData("/query?names=a,jwt.secret")]
    [InlineData("/query?names=a,JWT.secret%20")]
    [InlineData("/query?name=x&name=jwt.secret")]
    public async Task A_denied_id_is_refused_in_every_spelling_whoever_asks(string target)
    {
        stage.ShouldBeRefused(await stage.Get(target), 403, "denied");
    }

    [Theory]
    [InlineData("/conf/jwt.secret;x")]
    [InlineData("/conf/jwt.secret%3bx")]
    [InlineData("/conf/x/../jwt.secret")]
    [InlineData("/conf/./jwt.secret")]
    [InlineData("/conf/jwt.secret.")]
    [InlineData("/conf/jwt.secret%20")]
    [InlineData("/conf/jwt.secret%00")]
    public async Task A_denied_id_behind_an_unclear_path_never_crosses(string target)
    {
        (await stage.Get(target)).Status.ShouldBe(400);
        stage.Upstream.Requests.ShouldBeEmpty();
        stage.ShouldBeRefused(await stage.Get("/conf//jwt.secret"), 404, "not-found"); // no route is that path's
    }

    [Fact]
    public async Task A_denied_id_in_a_header_is_refused() =>
        stage.ShouldBeRefused(await stage.Get("/query", Stage.All, "X-Name: Jwt.Secret"), 403, "denied");

    [Theory]
    [InlineData("/conf/jwt.secrets")]
    [InlineData("/conf/other")]
    [InlineData("/loose/other;jwt.secret")]
    [InlineData("/query?name=other")]
    [InlineData("/query")]
    public async Task What_is_not_denied_crosses(string target) =>
        stage.ShouldHaveCrossed(await stage.Get(target)).RawTarget.ShouldBe(target);

    [Fact]
    public async Task A_denial_shows_only_to_who_may_call_at_all()
    {
        stage.ShouldBeRefused(await stage.Get("/denied/x", key: null), 401, "credential-missing");
        stage.ShouldBeRefused(await stage.Get("/public/Secret", key: null), 403, "denied");
    }

    [Fact]
    public async Task A_public_route_gets_a_token_only_where_it_names_the_account()
    {
        stage.ShouldHaveCrossed(await stage.Get("/public/x", key: null)).Headers.ShouldNotContainKey("Authorization");
        stage
            .ShouldHaveCrossed(await stage.Get("/public/x", "wrong-key"))
            .Headers.Values.ShouldAllBe(value => !value.Contains("wrong-key"));
        stage
            .ShouldHaveCrossed(await stage.Get("/public-token", key: null))
            .Headers["Authorization"]
            .ShouldBe($"Bearer {TestConfig.UpstreamSecret}");
    }
}
