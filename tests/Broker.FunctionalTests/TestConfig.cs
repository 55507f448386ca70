using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Broker.FunctionalTests;

/// <summary>A small config that a test starts from: one upstream with a fixed key, one caller, one route for all it forwards.</summary>
internal static class TestConfig
{
    public const string Key = "test-key";

    /// <summary>What the upstream should see in Authorization.</summary>
    public const string UpstreamSecret = "upstream-secret-1234567890";

    public static readonly (string, string)[] Environment = [("UPSTREAM_SECRET", UpstreamSecret)];

    public static string DigestOf(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    /// <summary>
    /// Upstream 'api' (Static bearer), caller 'tester' who may do everything, and these routes by name; their cluster is 'api' unless they
    /// say otherwise.
    /// </summary>
    public static JsonObject With(Uri upstream, params (string Name, string Route)[] routes)
    {
        var config = JsonNode
            .Parse(
                $$"""
                {
                  "Broker": {
                    "Upstreams": { "api": { "Kind": "Static", "AllowInsecure": true,
                      "Accounts": { "default": { "Header": "Authorization", "Prefix": "Bearer ", "Value": { "Env": "UPSTREAM_SECRET" } } } } },
                    "Callers": { "tester": { "Keys": [ { "Sha256": "{{DigestOf(Key)}}" } ],
                      "Actions": [ "*" ], "Networks": [ "*" ], "DeviceTypes": [ "*" ], "Devices": [ "*" ] } }
                  },
                  "ReverseProxy": { "Routes": {}, "Clusters": { "api": { "Destinations": { "main": { "Address": "{{upstream}}" } } } } }
                }
                """
            )!
            .AsObject();
        foreach (var (name, text) in routes)
        {
            var route = JsonNode.Parse(text)!.AsObject();
            route.TryAdd("ClusterId", "api");
            config["ReverseProxy"]!["Routes"]![name] = route;
        }

        return config;
    }

    /// <summary>A route for everything below a path, action alone.</summary>
    public const string CatchAll =
        """{ "Match": { "Path": "/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any" } }""";

    public static HttpRequestMessage Request(HttpMethod method, string path, string? key = Key)
    {
        var request = new HttpRequestMessage(method, path);
        if (key is not null)
        {
            request.Headers.Add("X-Api-Key", key);
        }

        return request;
    }
}
