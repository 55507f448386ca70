using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Broker;
using Broker.TokenService;
using Microsoft.Extensions.Logging.Abstractions;

namespace Benchmarks.Load;

/// <summary>A config in a folder of its own that has the broker do its whole job, and a caller's token for it.</summary>
internal sealed class BrokerConfig : IDisposable
{
    public const string RoutePath = "/vehicles/{vehicleId}/last-position";
    public const string Target = "/vehicles/42/last-position";
    public const string CallerName = "dashboard";
    public const string CallerKey = "brk_a-key-of-the-load";

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("broker-load-");
    private readonly string algorithm;

    public BrokerConfig(string algorithm)
    {
        this.algorithm = algorithm;
        using var rsa = RSA.Create(2048);
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Write(
            "key",
            algorithm == "RS256" ? rsa.ExportPkcs8PrivateKeyPem()
                : algorithm == "ES256" ? ec.ExportPkcs8PrivateKeyPem()
                : Convert.ToBase64String(RandomNumberGenerator.GetBytes(32))
        );
        Write("client-secret", "secret-of-the-broker");
    }

    /// <summary>A config file for a broker in front of this server.</summary>
    /// <param name="name">Of the file.</param>
    /// <param name="server">The upstream and its token endpoint.</param>
    /// <param name="listen">Where the broker listens.</param>
    /// <param name="logs">Whether it writes a line a request.</param>
    /// <param name="more">Further members of its section, with a comma behind.</param>
    /// <param name="certificate">The files of the broker's certificate; null without TLS.</param>
    public string File(string name, Uri server, Uri listen, bool logs, string more = "", (string Path, string Key)? certificate = null)
    {
        var tls = certificate is { } files ? $$""", "Certificate": { "Path": "{{files.Path}}", "KeyPath": "{{files.Key}}" }""" : "";
        var config = JsonNode.Parse(
            $$"""
            {
              "Kestrel": { "Endpoints": { "public": { "Url": "{{Plain(listen)}}"{{tls}} } } },
              "Serilog": { "MinimumLevel": { "Default": "{{(logs ? "Information" : "Warning")}}",
                "Override": { "Microsoft": "Warning", "System": "Warning", "Yarp": "Warning" } } },
              "Broker": {
                {{more}}
                "Management": { "Url": "http://127.0.0.1:0" },
                "Issuing": { "AccessLifetime": "1.00:00:00", "SigningKeys": { "load": { "Algorithm": "{{algorithm}}", "Key": { "File": "{{Of(
                "key"
            )}}" } } } },
                "Upstreams": { "api": { "Kind": "OAuth2", "AllowInsecure": true, "TokenEndpoint": "{{Plain(
                server
            )}}{{AnswerServer.TokenPath}}",
                  "Accounts": { "default": { "ClientId": "load", "ClientSecret": { "File": "{{Of("client-secret")}}" } } } } },
                "Callers": { "{{CallerName}}": { "Keys": [ { "Sha256": "{{ApiKey.DigestOf(
                CallerKey
            )}}" } ], "Actions": [ "GetDevice" ], "Networks": [ "12" ], "DeviceTypes": [ "*" ], "Devices": {{Devices()}} } }
              },
              "ReverseProxy": {
                "Routes": { "position": { "ClusterId": "api", "Match": { "Path": "{{RoutePath}}", "Methods": [ "GET" ] },
                  "Metadata": { "Action": "GetDevice", "Device": "route:vehicleId", "Network": "const:12" } } },
                "Clusters": { "api": { "Destinations": { "main": { "Address": "{{Plain(server)}}{{AnswerServer.Guarded}}/" } } } }
              }
            }
            """
        )!;
        Write(name, config.ToJsonString());
        return Of(name);
    }

    /// <summary>The token service, for <see cref="File"/>; shared through this Redis where one is named.</summary>
    public string TokenService(string? redis)
    {
        Write("name-key", Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));
        var shared = redis is null
            ? ""
            : $$"""
                "Redis": { "Endpoints": [ "{{redis}}" ], "AllowPlaintext": true, "NamingKey": { "File": "{{Of(
                    "name-key"
                )}}" }, "KeyPrefix": "load-{{Guid.NewGuid():N}}" },
                """;
        return "\"TokenService\": {}, " + shared;
    }

    /// <summary>A token of the broker's own, issued by its own code.</summary>
    public static string Token(string configFile)
    {
        using var host = new BrokerHost([configFile], _ => null, NullLoggerFactory.Instance, TimeProvider.System);
        var loaded = host.Loader.TryReload();
        return loaded.Snapshot is { } snapshot
            ? new TokenIssuer(TimeProvider.System).Issue(snapshot, CallerName, null, null)
            : throw new InvalidOperationException(string.Join('\n', loaded.ConfigErrors.All));
    }

    /// <summary>Writes a file beside the config; its path.</summary>
    public string Add(string name, string text)
    {
        Write(name, text);
        return Of(name);
    }

    public void Dispose() => folder.Delete(recursive: true);

    public static string Plain(Uri address) => address.GetLeftPart(UriPartial.Authority);

    // With the short signature of HS256, more devices make the token as long.
    private string Devices() =>
        new JsonArray([.. Enumerable.Range(42, algorithm == "RS256" ? 1 : 36).Select(id => (JsonNode)$"{id}")]).ToJsonString();

    private string Of(string name) => Path.Combine(folder.FullName, name);

    private void Write(string name, string text) => System.IO.File.WriteAllText(Of(name), text);
}
