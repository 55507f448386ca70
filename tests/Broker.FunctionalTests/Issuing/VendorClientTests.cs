using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.Issuing;

/// <summary>Clients that others wrote, unchanged (tests/vendor). They need Node.</summary>
public sealed class VendorClientTests
{
    private static readonly SemaphoreSlim Installing = new(1, 1);

    [Fact]
    public async Task Devicehives_own_client_logs_in_reads_commands_and_renews_through_the_broker_with_its_defaults()
    {
        await EnsureClients();
        await using var simulator = await DeviceHiveSimulator.StartAsync(new() { BasePaths = ["/api/rest", "/auth/rest"] });
        await using var broker = await BrokerUnderTest.Start(DeviceHiveConfig(simulator.Address), DeviceHiveEnvironment());

        var said = JsonElement.Parse(await Node("devicehive.cjs", broker.Address.ToString(), "fleet", TokenBed.Password));

        said.GetProperty("devices").GetRawText().ShouldBe("""["device-a","device-b","device-c"]""");
        said.GetProperty("device").GetString().ShouldBe("device-a");
        said.GetProperty("command").GetInt64().ShouldBeGreaterThan(0);
        said.GetProperty("renewed").GetBoolean().ShouldBeTrue();
        said.GetProperty("after").GetString().ShouldBe("device-a");
        simulator.Received.Count(request => request.Method == "POST" && request.RawTarget == "/api/rest/device/device-a/command").ShouldBe(1);
        simulator.LoginsGranted.ShouldBe(1); // the broker's own: the client's never reached it
        await broker.LogHolding("token-expired");
        broker.Log.ShouldContain("renewed");

        // Its session token is one that it had made here, with its login's: the upstream was asked for none.
        broker.Log.Split('\n').Count(line => line.Contains("\"token-service\"", StringComparison.Ordinal) && line.Contains("\"created\"", StringComparison.Ordinal)).ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task A_stock_oauth2_client_finds_the_endpoints_and_uses_them_all()
    {
        await EnsureClients();
        await using var bed = await TokenBed.Start();
        await bed.Reload(broker =>
        {
            broker["AllowInsecure"] = true;
            broker["TokenService"]!["PublicUrl"] = bed.Broker.Address.ToString().TrimEnd('/');
        });

        var said = await Node("oauth.mjs", bed.Broker.Address.ToString().TrimEnd('/'), "app", "app-key");

        said.Trim().ShouldBe("""{"scope":"GetDevice network:1 devicetype:* device:*","type":"urn:ietf:params:oauth:token-type:access_token","before":true,"client":"app","after":false,"refused":"invalid_scope"}""");
    }

    private static string DeviceHiveConfig(Uri simulator) => JsonNode.Parse($$"""
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
        """)!.ToJsonString();

    private static (string, string)[] DeviceHiveEnvironment() =>
    [
        ("DEVICEHIVE", DeviceHiveSimulator.AdminPassword), ("HASH", TokenBed.Hash),
        ("SIGNING", Convert.ToBase64String(Encoding.UTF8.GetBytes("a signing key of forty bytes and no less"))),
    ];

    private static string Folder([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "../../vendor"));

    private static async Task EnsureClients()
    {
        await Installing.WaitAsync();
        try
        {
            if (await Run("node", "--version") is not { Status: 0 })
            {
                Lack("Node is not on this machine: the vendors' own clients cannot run.");
            }

            if (!Directory.Exists(Path.Combine(Folder(), "node_modules", "openid-client")))
            {
                var npm = await Run("npm", "install", "--no-package-lock", "--no-audit", "--no-fund");
                if (npm is not { Status: 0 })
                {
                    Lack(npm is null ? "npm is not on this machine: the vendors' own clients cannot be installed." : $"npm could not install the vendors' clients: {npm.Value.Error}");
                }
            }
        }
        finally
        {
            Installing.Release();
        }
    }

    /// <summary>On a developer's machine a test may be skipped; where CI runs it, nothing is green that did not run.</summary>
    private static void Lack(string what)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", what);
        Assert.Fail(what);
    }

    private static async Task<string> Node(params string[] arguments)
    {
        var ran = await Run("node", arguments);
        ran.ShouldNotBeNull().Status.ShouldBe(0, ran.Value.Error);
        return ran.Value.Output;
    }

    private static async Task<(int Status, string Output, string Error)?> Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = Folder(), RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using var process = Process.Start(start)!;
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync();
            return (process.ExitCode, await output, await error);
        }
        catch (Win32Exception)
        {
            return null; // no such program here
        }
    }
}
