using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;

namespace Broker.TokenService;

/// <summary>Compiles the endpoints of the token service, and tells of forwarded routes that could never be reached behind them.</summary>
internal sealed class TokenServiceCompiler(TokenServiceState ledgers, IUserLogins? logins, TimeProvider time) : ISnapshotCompiler
{
    public void Compile(Snapshot candidate, ConfigErrors mistakes)
    {
        if (candidate.Broker.TokenService is not { } options || candidate.Part<CredentialTable>().Keys is null)
        {
            candidate.Add(TokenServiceEndpointTable.None);
            return;
        }

        var issuance = new Issuance(candidate, options, ledgers, logins, time);
        var endpoints = options
            .Prefixes.SelectMany(prefix => DeviceHive(prefix, issuance))
            .Concat(OAuthEndpoints.All(issuance))
            .Select(endpoint => endpoint with { Cors = options.CorsPolicy })
            .ToList();
        candidate.Add(new TokenServiceEndpointTable(endpoints));
        foreach (var (name, route) in candidate.ReverseProxy["Routes"] as JsonObject ?? [])
        {
            if (PathOf(route) is { } path && endpoints.Find(endpoint => SpellsOut(path, endpoint.Root)) is { } shadowed)
            {
                mistakes.Error(
                    $"ReverseProxy:Routes:{name}:Match:Path",
                    $"lies under {shadowed.Root}, which the token service answers itself: take the route out, or give "
                        + "Broker:TokenService another prefix"
                );
            }
        }
    }

    private static IEnumerable<TokenServiceEndpoint> DeviceHive(string prefix, Issuance issuance)
    {
        var tokens = new DeviceHiveTokens(issuance);
        var plugins = new DeviceHivePlugins(issuance);
        return
        [
            new("POST", prefix, tokens.LogIn) { Root = prefix, Refuse = DeviceHiveErrors.Make },
            new("POST", prefix + "/create", tokens.Create) { Root = prefix, Refuse = DeviceHiveErrors.Make },
            new("POST", prefix + "/refresh", tokens.Refresh) { Root = prefix, Refuse = DeviceHiveErrors.Make },
            new("POST", prefix + "/plugin/create", plugins.Create) { Root = prefix, Refuse = DeviceHiveErrors.Make },
            new("GET", prefix + "/plugin/authenticate", plugins.Authenticate) { Root = prefix, Refuse = DeviceHiveErrors.Make },
        ];
    }

    private static string? PathOf(JsonNode? route) =>
        route is JsonObject o
        && o["Match"] is JsonObject match
        && match["Path"] is JsonValue value
        && value.TryGetValue<string>(out var path)
            ? path
            : null;

    // A catch-all above it is no mistake: what is ours is taken out of it.
    private static bool SpellsOut(string path, string root) =>
        (path.TrimEnd('/') + "/").StartsWith(root + "/", StringComparison.OrdinalIgnoreCase);
}
