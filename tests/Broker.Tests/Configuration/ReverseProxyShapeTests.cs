using System.Text.Json.Nodes;
using Broker.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Shouldly;
using Xunit;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Transforms.Builder;

namespace Broker.Tests.Configuration;

public sealed class ReverseProxyShapeTests
{
    [Fact]
    public void Yarp_knows_each_transform_by_the_same_keys()
    {
        var services = new ServiceCollection();
        services.AddLogging().AddReverseProxy();
        using var provider = services.BuildServiceProvider();
        var factories = provider.GetServices<ITransformFactory>().ToList();
        factories.ShouldNotBeEmpty();
        foreach (var (head, beside) in TransformShape.All)
        {
            foreach (var values in Examples(head, beside))
            {
                var context = new TransformRouteValidationContext
                {
                    Route = new RouteConfig
                    {
                        RouteId = "r",
                        Match = new() { Path = "/{id}" },
                    },
                };
                factories.Exists(factory => factory.Validate(context, values)).ShouldBeTrue(head);
                context.Errors.ShouldBeEmpty(string.Join(",", values));
            }
        }

        static IEnumerable<Dictionary<string, string>> Examples(string head, string[] beside)
        {
            var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase) { [head] = Value(head) };
            var setters = beside.Where(key => key is "Set" or "Append").ToList();
            foreach (var key in beside.Except(setters))
            {
                values[key] = Value(key);
            }

            return setters.Count == 0
                ? [values]
                : setters.Select(setter => new Dictionary<string, string>(values, values.Comparer) { [setter] = "GET" });
        }

        static string Value(string key) =>
            key switch
            {
                "RequestHeadersCopy" or "RequestHeaderOriginalHost" or "ResponseHeadersCopy" or "ResponseTrailersCopy" => "true",
                "X-Forwarded" or "For" or "Proto" or "Host" or "Prefix" => "Set",
                "Forwarded" => "for,by,host,proto",
                "ForFormat" or "ByFormat" => "Random",
                "Action" => "Append",
                "When" => "Always",
                _ => "/x",
            };
    }

    [Fact]
    public void Yarp_reads_from_a_snapshot_what_the_config_says()
    {
        using var files = new Files();
        var snapshot = files
            .Load(
                """
                {"ReverseProxy":{
                  "Routes":{"r":{"ClusterId":"c","Order":3,"Timeout":"00:00:30","Match":{"Path":"/{id}","Methods":["GET","PUT"],
                    "Headers":[{"Name":"h","Values":["1"],"Mode":"Exists","IsCaseSensitive":true}]},
                    "Metadata":{"Action":"GetDevice","x-n":1,"x-b":true},"Transforms":[{"PathSet":"/x"},{"RequestHeader":"h","Set":"v"}]}},
                  "Clusters":{"c":{"Destinations":{"d":{"Address":"https://x/"}},"HttpClient":{"SslProtocols":["Tls12","Tls13"],"MaxConnectionsPerServer":10},
                    "HttpRequest":{"Version":"2","ActivityTimeout":"00:01:00"},"HealthCheck":{"Active":{"Enabled":"true","Path":"/health","Query":"?deep=1"}}}}}}
                """
            )
            .Good();
        var services = new ServiceCollection();
        services.AddLogging().AddReverseProxy().LoadFromConfig(snapshot.ReverseProxy.ToConfiguration());
        using var provider = services.BuildServiceProvider();
        var read = provider.GetRequiredService<IProxyConfigProvider>().GetConfig();
        var route = read.Routes.ShouldHaveSingleItem();
        route.Order.ShouldBe(3);
        route.Match.Methods.ShouldBe(["GET", "PUT"]);
        route.Match.Headers.ShouldNotBeNull().ShouldHaveSingleItem().Mode.ShouldBe(HeaderMatchMode.Exists);
        route.Timeout.ShouldBe(TimeSpan.FromSeconds(30));
        route.Metadata!["x-n"].ShouldBe("1");
        route.Metadata["x-b"].ShouldBe("true");
        route.Transforms!.Count.ShouldBe(2);
        var cluster = read.Clusters.ShouldHaveSingleItem();
        cluster.HttpClient!.MaxConnectionsPerServer.ShouldBe(10);
        cluster.HttpRequest!.Version.ShouldBe(new Version(2, 0));
        var active = cluster.HealthCheck!.Active!;
        (active.Enabled, active.Path, active.Query).ShouldBe((true, "/health", "?deep=1"));
        cluster.Destinations!["d"].Address.ShouldBe("https://x/");
    }

    [Fact]
    public void A_section_is_flattened_as_net_does()
    {
        var json = JsonNode.Parse("""{"a":{"b":[1.50,true,"x"],"c":[],"d":{}},"e":false}""")!.AsObject();
        JsonObjectConfiguration
            .Flatten(json, "S")
            .ShouldBe(
                new Dictionary<string, string?>
                {
                    ["S:a:b:0"] = "1.50",
                    ["S:a:b:1"] = "true",
                    ["S:a:b:2"] = "x",
                    ["S:a:c"] = "",
                    ["S:a:d"] = null,
                    ["S:e"] = "false",
                },
                ignoreOrder: true
            );
    }
}
