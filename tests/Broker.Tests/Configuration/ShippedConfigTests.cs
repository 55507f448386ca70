using System.Text.Json;
using Broker.Configuration;
using Json.Schema;
using Shouldly;
using Xunit;

namespace Broker.Tests.Configuration;

public sealed class ShippedConfigTests
{
    private static readonly JsonDocumentOptions Comments = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };
    private static readonly string ConfigFolder = Path.Combine(Files.Repository(), "config");
    private static readonly string Samples = Path.Combine(Files.Repository(), "samples");
    private static readonly string Example = Path.Combine(Files.Repository(), "tests/Broker.Tests/Configuration/design-example.jsonc");

    private static readonly JsonSchema Schema = JsonSchema.FromText(SchemaWriter.Write());

    [Fact]
    public void The_schema_file_is_what_the_options_say()
    {
        var file = Path.Combine(ConfigFolder, "broker.schema.json");
        if (Environment.GetEnvironmentVariable("WRITE_SCHEMA") == "1")
        {
            File.WriteAllText(file, SchemaWriter.Write());
        }

        SchemaWriter
            .Write()
            .ShouldBe(
                File.ReadAllText(file),
                "write it anew: 'broker schema > config/broker.schema.json', or run this test with WRITE_SCHEMA=1"
            );
    }

    [Fact]
    public void Every_config_that_ships_and_the_designs_example_fit_the_schema()
    {
        var shipped = Directory.GetFiles(ConfigFolder, "*.json").Where(file => !file.EndsWith(".schema.json"));
        foreach (var file in shipped.Concat(Directory.GetFiles(Samples, "*.json")).Append(Example))
        {
            Faults(File.ReadAllText(file)).ShouldBeEmpty(file);
        }
    }

    [Fact]
    public void The_shipped_config_loads_without_a_warning_and_has_no_route()
    {
        using var files = new Files();
        var result = files.Loader([Path.Combine(ConfigFolder, "broker.json")]).Load();
        result.ConfigErrors.All.ShouldBeEmpty();
        result.Good().ReverseProxy["Routes"]!.AsObject().ShouldBeEmpty();
        result.Good().Kestrel["Endpoints"]!["public"]!["Url"]!.GetValue<string>().ShouldBe("http://127.0.0.1:8080");
    }

    [Fact]
    public void What_is_commented_out_in_the_shipped_config_loads_when_it_is_put_in()
    {
        using var files = new Files();
        var lines = File.ReadAllLines(Path.Combine(ConfigFolder, "broker.json"))
            .Where(line => !line.Contains("https://*:8443"))
            .Select(line => System.Text.RegularExpressions.Regex.Replace(line, """^(\s*)// (?=( *"|[ ]*\}|\{))""", "$1"))
            .Select(line => line.Replace("the digest that 'broker key new' prints", new string('a', 64)));
        var result = files.Loader([files.Write("x.json", string.Join("\n", lines))], Severity.Warning).Load();
        result.Errors().ShouldBeEmpty();
        result.Good().Broker.Callers.Keys.ShouldBe(["dashboard"]);
        result.Good().Broker.Upstreams["telemax"].ShouldBeOfType<TelemaxUpstreamOptions>();
        result.Good().ReverseProxy["Routes"]!.AsObject().Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("telemax")]
    [InlineData("damoov")]
    [InlineData("devicehive")]
    [InlineData("oauth2")]
    public void Each_sample_loads_alone_and_with_the_sample_for_replicas_and_only_its_secrets_are_missing(string name)
    {
        using var files = new Files();
        string[] sample = [Path.Combine(Samples, $"{name}.json")];
        foreach (var paths in new[] { sample, [.. sample, Path.Combine(Samples, "replicas.json")] })
        {
            var result = files.Loader(paths, Severity.Warning).Load();
            result.Errors().ShouldBeEmpty();
            result.Good().ReverseProxy["Routes"]!.AsObject().ShouldNotBeEmpty();
            result.ConfigErrors.All.ShouldAllBe(warning => warning.Message.Contains("secret's environment variable"));
        }
    }

    [Fact]
    public void Each_sample_of_the_folder_is_tested() =>
        Directory
            .GetFiles(Samples, "*.json")
            .Select(Path.GetFileNameWithoutExtension)
            .ShouldBe(["telemax", "damoov", "devicehive", "oauth2", "replicas"], ignoreOrder: true);

    [Fact]
    public void The_designs_example_loads()
    {
        using var files = new Files();
        var text = File.ReadAllText(Example)
            .Replace("<digest that `broker key new` printed>", new string('a', 64))
            .Replace("/run/secrets/telemax", files.Write("telemax", "pw\n"));
        var snapshot = files.Load(text).Good();
        var telemax = snapshot.Broker.Upstreams["telemax"].ShouldBeOfType<TelemaxUpstreamOptions>();
        telemax.Accounts["default"].Password!.Reveal().ShouldBe("pw");
        telemax.Accounts["default"].UserName.ShouldBe("reader@acme.example");
        snapshot.Broker.Callers["dashboard"].DeviceTypes.ShouldBe(["*"]);
    }

    [Theory]
    [InlineData("""{"Broker":{"Nope":1}}""")]
    [InlineData("""{"Logging":{}}""")]
    [InlineData("""{"Broker":{"PollInterval":"5s"}}""")]
    [InlineData("""{"Broker":{"AllowInsecure":"true"}}""")]
    [InlineData("""{"Broker":{"Upstreams":{"x":{"Kind":"Oauth2","TokenEndpoint":"https://x","Accounts":{}}}}}""")]
    [InlineData("""{"Broker":{"Upstreams":{"x":{"Kind":"Static","Accounts":{"a":{"Header":"h","Value":"plain"}}}}}}""")]
    [InlineData("""{"Broker":{"Upstreams":{"x":{"Kind":"Telemax","Accounts":{}}}}}""")]
    [InlineData("""{"Broker":{"Actions":{"Fly":{"Nr":1000}}}}""")]
    [InlineData("""{"Broker":{"Callers":{"a:b":{}}}}""")]
    [InlineData("""{"ReverseProxy":{"Routes":{"a":{"AuthorizatonPolicy":"x"}}}}""")]
    public void What_the_binder_refuses_the_schema_refuses(string config)
    {
        using var files = new Files();
        Faults(config).ShouldNotBeEmpty();
        files.Load(config).Errors().ShouldNotBeEmpty();
    }

    [Theory]
    [InlineData("""{"Broker":{"Actions":{"Fly":1000,"Land":{"Number":1001,"HasReach":false}}}}""")]
    [InlineData("""{"Broker":{"PollInterval":"1.00:00:00","Limits":{"ConcurrentPasswordHashes":"${N:-2}","RequestBodyBytes":5}}}""")]
    [InlineData("""{"ReverseProxy":{"Clusters":{"c":{"HealthCheck":{"Active":{"Enabled":"true"}},"Metadata":{"x-a":1,"x-b":true}}}}}""")]
    public void What_the_binder_takes_the_schema_takes(string config)
    {
        using var files = new Files();
        Faults(config).ShouldBeEmpty();
        files.Load(config).Errors().ShouldBeEmpty();
    }

    private static string[] Faults(string config)
    {
        using var document = JsonDocument.Parse(config, Comments);
        var result = Schema.Evaluate(document.RootElement, new() { OutputFormat = OutputFormat.List });
        return result.IsValid
            ? []
            :
            [
                .. (result.Details ?? [])
                    .Where(detail => detail.Errors is not null)
                    .SelectMany(detail => detail.Errors!.Select(error => $"{detail.InstanceLocation}: {error.Key}: {error.Value}")),
            ];
    }
}
