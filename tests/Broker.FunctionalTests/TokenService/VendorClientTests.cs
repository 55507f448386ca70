using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>Clients that others wrote, unchanged (tests/vendor). They need Node.</summary>
public sealed class VendorClientTests
{
    [Fact]
    public async Task Devicehives_own_client_logs_in_reads_commands_and_renews_through_the_broker_with_its_defaults()
    {
        await ClientPrograms.EnsureNode();
        await using var simulator = await DeviceHiveSimulator.StartAsync(new() { BasePaths = ["/api/rest", "/auth/rest"] });
        await using var broker = await BrokerUnderTest.Start(DeviceHiveConfig(simulator.Address), DeviceHiveEnvironment());

        var said = JsonElement.Parse(await ClientPrograms.Node("devicehive.cjs", broker.Address.ToString(), "fleet", TokenBed.Password));

        said.GetProperty("devices").GetRawText().ShouldBe("""["device-a","device-b","device-c"]""");
        said.GetProperty("device").GetString().ShouldBe("device-a");
        said.GetProperty("command").GetInt64().ShouldBeGreaterThan(0);
        said.GetProperty("renewed").GetBoolean().ShouldBeTrue();
        said.GetProperty("after").GetString().ShouldBe("device-a");
        simulator
            .Received.Count(request => request.Method == "POST" && request.RawTarget == "/api/rest/device/device-a/command")
            .ShouldBe(1);
        simulator.LoginsGranted.ShouldBe(1); // the broker's own: the client's never reached it
        await broker.LogHolding("token-expired");
        broker.Log.ShouldContain("renewed");

        // Its session token is one that it had made here, with its login's: the upstream was asked for none.
        broker
            .Log.Split('\n')
            .Count(line =>
                line.Contains("\"token-service\"", StringComparison.Ordinal) && line.Contains("\"created\"", StringComparison.Ordinal)
            )
            .ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task A_stock_oauth2_client_finds_the_endpoints_and_uses_them_all()
    {
        await ClientPrograms.EnsureNode();
        await using var bed = await TokenBed.Start();
        await bed.Reload(broker =>
        {
            broker["AllowInsecure"] = true;
            broker["TokenService"]!["PublicUrl"] = bed.Broker.Address.ToString().TrimEnd('/');
        });

        var said = await ClientPrograms.Node("oauth.mjs", bed.Broker.Address.ToString().TrimEnd('/'), "app", "app-key");

        said.Trim()
            .ShouldBe(
                """{"scope":"GetDevice network:1","type":"urn:ietf:params:oauth:token-type:access_token","before":true,"client":"app","after":false,"refused":"invalid_scope"}"""
            );
    }

    private static string DeviceHiveConfig(Uri simulator) =>
        JsonNode
            .Parse(
                $$"""
                {
                  "Broker": {
                    "Upstreams": { "devicehive": { "Kind": "DeviceHive", "AllowInsecure": true, "TokenEndpoint": "{{simulator}}auth/rest/token",
                      "Accounts": { "default": { "Login": "{{DeviceHiveSimulator.AdminLogin}}", "Password": { "Env": "DEVICEHIVE" } } } } },
                    "Callers": { "fleet": { "UserId": 7, "Basic": { "Hash": { "Env": "HASH" } }, "Actions": [ "GetDevice", "CreateDeviceCommand", "ManageToken" ],
                      "Networks": [ "*" ], "DeviceTypes": [ "*" ], "Devices": [ "*" ] } },
                    "Issuing": { "AccessLifetime": "00:00:03", "SigningKeys": { "k1": { "Algorithm": "HS256", "Key": { "Env": "SIGNING" } } } },
                    "TokenService": {}
                  },
                  "ReverseProxy": {
                    "Routes": {
                      "info": { "ClusterId": "devicehive", "AuthorizationPolicy": "Anonymous", "Match": { "Path": "/api/rest/info", "Methods": [ "GET" ] } },
                      "list": { "ClusterId": "devicehive", "Match": { "Path": "/api/rest/device", "Methods": [ "GET" ] }, "Metadata": { "Action": "GetDevice", "Reach": "all" } },
                      "device": { "ClusterId": "devicehive", "Match": { "Path": "/api/rest/device/{id}", "Methods": [ "GET" ] }, "Metadata": { "Action": "GetDevice", "Device": "route:id" } },
                      "command": { "ClusterId": "devicehive", "Match": { "Path": "/api/rest/device/{id}/command", "Methods": [ "POST" ] },
                        "Metadata": { "Action": "CreateDeviceCommand", "Device": "route:id" } }
                    },
                    "Clusters": { "devicehive": { "Destinations": { "main": { "Address": "{{simulator}}" } } } }
                  }
                }
                """
            )!
            .ToJsonString();

    private static (string, string)[] DeviceHiveEnvironment() =>
        [
            ("DEVICEHIVE", DeviceHiveSimulator.AdminPassword),
            ("HASH", TokenBed.Hash),
            ("SIGNING", Convert.ToBase64String(Encoding.UTF8.GetBytes("a signing key of forty bytes and no less"))),
        ];
}
