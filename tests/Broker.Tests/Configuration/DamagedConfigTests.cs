using System.Text.Json.Nodes;
using Broker.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace Broker.Tests.Configuration;

public sealed class DamagedConfigTests
{
    private const string Whole = """
        {"Kestrel":{"Endpoints":{"p":{"Url":"https://*:8443","Certificate":{"Path":"/dev/null","KeyPath":"/dev/null"},"Sni":{"x":{"Certificate":{"Path":"/dev/null"}}}}},"Certificates":{"Default":{"Path":"/dev/null"}}},
         "Serilog":{"MinimumLevel":{"Default":"Warning"}},
         "ReverseProxy":{
           "Routes":{"r":{"ClusterId":"c","Match":{"Path":"/x","Methods":["GET"],"Headers":[{"Name":"h"}]},"Metadata":{"Action":"GetDevice"},"Transforms":[{"RequestHeader":"h","Set":"v"}]}},
           "Clusters":{"c":{"Destinations":{"d":{"Address":"https://x/"}},"HealthCheck":{"Active":{"Enabled":true}}}}},
         "Broker":{
           "PollInterval":"00:00:01","Actions":{"Fly":1000,"Land":{"Number":1001,"HasReach":false}},
           "Cors":{"c":{"Origins":["https://a.example"],"Headers":["X-Api-Key"],"Credentials":true}},
           "Forwarding":{"ReplayBodyLimit":1},"Limits":{"MinRequestBodyBytesPerSecond":1.5},"Management":{"Url":"http://127.0.0.1:1"},
           "Telemetry":{"OtlpEndpoint":"http://c","Protocol":"Grpc","Headers":{"Env":"S"}},
           "Issuing":{"SigningKeys":{"k":{"Algorithm":"HS256","Key":{"Env":"S"}}}},
           "Upstreams":{"o":{"Kind":"OAuth2","TokenEndpoint":"https://x/t","Logins":[{"Permit":2,"Per":"00:01:00","Scope":"Endpoint"}],
             "Accounts":{"default":{"ClientId":"c","ClientSecret":{"Env":"S"},"Parameters":{"a":"v"}}}}},
           "Issuers":{"corp":{"Authority":"https://i","Audiences":["a"],"Actions":{"Claim":"scope","Map":{"r":["GetDevice"]}},
             "Networks":{"Const":["1"]},"DeviceTypes":{"Const":[]},"Devices":{"Const":["*"]},"Accounts":{"o":"default"}}},
           "Callers":{"a":{"Keys":[{"Sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}],"Basic":{"Hash":{"Env":"S"}},
             "Actions":["Fly"],"Networks":["1"],"Accounts":{"o":"default"},"ConcurrentRequests":1}}}}
        """;

    private static readonly string[] Replacements =
    [
        "1",
        "-1",
        "1.5",
        "1e400",
        "true",
        "null",
        "\"\"",
        "\"*\"",
        "\"${\"",
        "\"c4nary-x\"",
        "[]",
        "{}",
        "[[]]",
        "[1]",
        "{\"File\":1}",
        "{\"\":{}}",
        "{\"Kind\":\"Static\"}",
    ];

    // csharpier-ignore
    private static readonly string[] Maps =
    [
        "Routes", "Clusters", "Destinations", "Endpoints", "Sni", "Certificates", "Metadata", "Upstreams", "Callers", "Issuers",
        "Cors", "Actions", "Accounts", "Map", "Parameters", "SigningKeys",
    ];

    [Fact]
    public void Whatever_one_place_of_a_config_holds_it_is_a_snapshot_or_a_mistake_and_never_an_exception()
    {
        using var files = new Files();
        files.Environment["S"] = "secret";
        files.Load(Whole).ConfigErrors.All.ShouldBeEmpty();

        var places = Places(JsonNode.Parse(Whole)!).Count;
        places.ShouldBeGreaterThan(100);
        var refused = 0;
        for (var i = 1; i < places; i++)
        {
            foreach (var replacement in Replacements)
            {
                var root = JsonNode.Parse(Whole)!;
                Places(root)[i].ReplaceWith(JsonNode.Parse(replacement));
                var result = files.Load(root.ToJsonString());
                refused += result.Snapshot is null ? 1 : 0;
                result.ConfigErrors.HasErrors.ShouldBe(result.Snapshot is null);
            }
        }

        refused.ShouldBeGreaterThan(places * 8);
    }

    [Fact]
    public void Whatever_one_place_holds_every_part_looks_at_the_rest_and_never_throws()
    {
        using var files = new Files();
        files.Environment["S"] = Convert.ToBase64String(Enumerable.Range(1, 32).Select(number => (byte)number).ToArray());
        using var host = new BrokerHost(
            [files["0.json"]],
            files.Environment.GetValueOrDefault,
            NullLoggerFactory.Instance,
            TimeProvider.System
        );
        var unseen = 0;
        var places = Places(JsonNode.Parse(Whole)!).Count;
        for (var i = 1; i < places; i++)
        {
            foreach (var replacement in new[] { "\"c4nary-x\"", "[1]" })
            {
                var root = JsonNode.Parse(Whole)!;
                Places(root)[i].ReplaceWith(JsonNode.Parse(replacement));
                files.Write("0.json", root.ToJsonString());
                var said = string.Join('\n', host.Loader.Load().ConfigErrors.All);
                said.ShouldNotContain("fault of the broker's", customMessage: root.ToJsonString());
                said.ShouldContain("error: "); // the route in the config says no reach, if nothing else
                unseen += said.Contains("was not looked at", StringComparison.Ordinal) ? 1 : 0;
            }
        }

        unseen.ShouldBeLessThan(places / 2);
    }

    [Fact]
    public void Whatever_key_of_ours_is_misspelt_the_right_one_is_named()
    {
        using var files = new Files();
        files.Environment["S"] = "secret";
        var tried = 0;
        foreach (var place in Places(JsonNode.Parse(Whole)!).Select((node, i) => (node, i)).Where(place => place.node.Parent is JsonObject))
        {
            var name = place.node.GetPropertyName();
            var root = JsonNode.Parse(Whole)!;
            var parent = Places(root)[place.i].Parent!.AsObject();
            if (name.Length < 4 || name == OptionShape.KindKey || IsMap(parent.GetPath()))
            {
                continue;
            }

            var value = parent[name]!.DeepClone();
            parent.Remove(name);
            parent[name[..1] + name[2..]] = value;
            string.Join("\n", files.Load(root.ToJsonString()).Errors()).ShouldContain($"'{name}'", customMessage: name);
            tried++;
        }

        tried.ShouldBeGreaterThan(40);
    }

    // Where names are the writer's own, or what is there is not ours to name.
    private static bool IsMap(string path) =>
        path.Contains("Serilog", StringComparison.Ordinal)
        || Maps.Any(map => path.EndsWith("." + map, StringComparison.Ordinal) && !path.EndsWith("corp.Actions", StringComparison.Ordinal));

    private static List<JsonNode> Places(JsonNode node)
    {
        var all = new List<JsonNode> { node };
        foreach (var inner in node is JsonObject json ? json.Select(member => member.Value) : node as JsonArray ?? [])
        {
            all.AddRange(Places(inner!));
        }

        return all;
    }
}
