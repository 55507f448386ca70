using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>Invariant 25: the value that a selector read is the value that leaves, or the route does not load.</summary>
public sealed class LeavingValueTests
{
    private static readonly Uri Upstream = new("http://127.0.0.1:9/");

    /// <summary>Path, transforms, the key that tells it, and a part of what it says.</summary>
    [Theory]
    [InlineData("/b/{id}", """{ "PathPattern": "/vehicles/{vehicleId}" }""", "Transforms:0:PathPattern", "no value of that name")]
    [InlineData("/b/{id}", """{ "PathPattern": "/vehicles/{vehicleId}" }""", "Metadata:Device", "selects route:id")]
    [InlineData("/b/{id}", """{ "PathPattern": "/vehicles/{vehicleId?}" }""", "Metadata:Device", "selects route:id")]
    [InlineData("/b/{id}", """{ "PathPattern": "/vehicles/{vehicleId=5}" }""", "Metadata:Device", "selects route:id")]
    [InlineData("/b/{id}", """{ "PathPattern": "/vehicles/{**rest}" }""", "Metadata:Device", "selects route:id")]
    [InlineData("/b/{id}", """{ "PathPattern": "/vehicles" }""", "Metadata:Device", "selects route:id")]
    [InlineData("/b/{id}/{other}", """{ "PathPattern": "/vehicles/{other}" }""", "Metadata:Device", "selects route:id")]
    [InlineData("/b/{id}/{**rest}", """{ "PathPattern": "/vehicles/{**rest}" }""", "Metadata:Device", "selects route:id")]
    [InlineData("/b/{id}", """{ "PathSet": "/vehicles/mine" }""", "Metadata:Device", "selects route:id")]
    [InlineData("/b/{id}", """{ "PathPattern": "/vehicles/{id}" }, { "PathSet": "/vehicles" }""", "Metadata:Device", "selects route:id")]
    [InlineData("/b/{id}", """{ "PathRemovePrefix": "/b/mine" }""", "Metadata:Device", "selects route:id")]
    [InlineData("/{id}/x", """{ "PathRemovePrefix": "/mine" }""", "Metadata:Device", "selects route:id")]
    [InlineData("/b/{**id}", """{ "PathRemovePrefix": "/b/mine" }""", "Metadata:Device", "selects route:id")]
    [InlineData("/b/{id}", """{ "PathPrefix": "/x" }, { "PathRemovePrefix": "/x/b/mine" }""", "Metadata:Device", "selects route:id")]
    [InlineData("/b/{id}", """{ "PathPattern": "/v/{id}" }, { "PathRemovePrefix": "/v/mine" }""", "Metadata:Device", "selects route:id")]
    [InlineData(
        "/b/{id}/{other}",
        """{ "PathSet": "/v" }, { "QueryRouteParameter": "vehicleId", "Set": "other" }""",
        "Metadata:Device",
        "selects route:id"
    )]
    [InlineData(
        "/b/{id}/{other}",
        """{ "PathSet": "/v" }, { "RequestHeaderRouteValue": "X-Vehicle", "Set": "other" }""",
        "Metadata:Device",
        "selects route:id"
    )]
    [InlineData(
        "/b/{id}",
        """{ "PathSet": "/v" }, { "QueryRouteParameter": "vehicleId", "Set": "vehicleId" }""",
        "Transforms:1:Set",
        "no value of that name"
    )]
    [InlineData(
        "/b/{id}",
        """{ "RequestHeaderRouteValue": "X-Vehicle", "Append": "nobody" }""",
        "Transforms:0:Append",
        "no value of that name"
    )]
    [InlineData(
        "/b/{id}",
        """{ "PathSet": "/v" }, { "QueryRouteParameter": "v", "Set": "id" }, { "QueryValueParameter": "V", "Set": "1" }""",
        "Metadata:Device",
        "selects route:id"
    )]
    [InlineData(
        "/b/{id}",
        """{ "PathSet": "/v" }, { "QueryRouteParameter": "v", "Set": "id" }, { "QueryValueParameter": "v", "Append": "1" }""",
        "Metadata:Device",
        "selects route:id"
    )]
    [InlineData(
        "/b/{id}",
        """{ "PathSet": "/v" }, { "QueryRouteParameter": "v", "Set": "id" }, { "QueryRemoveParameter": "v" }""",
        "Metadata:Device",
        "selects route:id"
    )]
    [InlineData(
        "/b/{id}",
        """{ "PathSet": "/v" }, { "QueryRouteParameter": "page", "Append": "id" }""",
        "Metadata:Device",
        "selects route:id"
    )]
    [InlineData(
        "/b/{id}",
        """{ "PathSet": "/v" }, { "RequestHeaderRouteValue": "X-Vehicle", "Append": "id" }""",
        "Metadata:Device",
        "selects route:id"
    )]
    [InlineData(
        "/b/{id}",
        """{ "PathSet": "/v" }, { "RequestHeaderRouteValue": "X-V", "Set": "id" }, { "RequestHeaderRemove": "X-V" }""",
        "Metadata:Device",
        "selects route:id"
    )]
    [InlineData(
        "/b/{id}",
        """{ "PathSet": "/v" }, { "RequestHeaderRouteValue": "X-V", "Set": "id" }, { "RequestHeadersAllowed": "Accept;X-V" }""",
        "Metadata:Device",
        "selects route:id"
    )]
    [InlineData("/{a}/k/{id}", """{ "PathRemovePrefix": "/p" }, { "PathRemovePrefix": "/z/k/y" }""", "Metadata:Device", "selects route:id")]
    public void A_value_that_is_lost_on_the_way_does_not_load(string path, string transforms, string key, string says)
    {
        var mistakes = Judged(path, transforms, """ "Device": "route:id", "Query": "page" """).Errors();

        mistakes.ShouldContain(
            line => line.Contains($"Routes:x:{key}:", StringComparison.Ordinal) && line.Contains(says, StringComparison.Ordinal),
            string.Join('\n', mistakes)
        );
    }

    [Theory]
    [InlineData("Network")]
    [InlineData("DeviceType")]
    public void It_is_so_for_every_kind_of_id(string key) =>
        Judged("/b/{id}", """{ "PathSet": "/v" }""", $""" "{key}": "route:id" """)
            .Errors()
            .ShouldContain(line => line.Contains($"Metadata:{key}:", StringComparison.Ordinal));

    [Fact]
    public void It_is_so_for_a_denial() =>
        Judged("/b/{id}", """{ "PathSet": "/v" }""", """ "Reach": "all", "Deny": "route:id=secret" """)
            .Errors()
            .ShouldContain(line => line.Contains("Metadata:Deny:", StringComparison.Ordinal));

    [Theory]
    [InlineData("/b/{id}", "")]
    [InlineData("/b/{id}", """{ "PathPattern": "/vehicles/{id}" }""")]
    [InlineData("/b/{id}", """{ "PathPattern": "/vehicles/{ID}" }""")]
    [InlineData("/b/{ID}", """{ "PathPattern": "/vehicles/{Id}.json" }""")]
    [InlineData("/b/{id:int}", """{ "PathPattern": "/vehicles/{id}/position" }""")]
    [InlineData("/b/{id}", """{ "PathPattern": "/vehicles/{id?}" }""")]
    [InlineData("/b/{id}", """{ "PathPattern": "/{version=v2}/{id}" }""")]
    [InlineData("/b/{id}", """{ "PathRemovePrefix": "/b" }""")]
    [InlineData("/b/{id}", """{ "PathRemovePrefix": "/B" }, { "PathPrefix": "/api/v2" }""")]
    [InlineData("/b/{id}", """{ "PathRemovePrefix": "/other/mine" }""")]
    [InlineData("/{a}/k/{id}", """{ "PathRemovePrefix": "/p" }, { "PathRemovePrefix": "/k" }""")]
    [InlineData("/b/{**id}", """{ "PathRemovePrefix": "/b" }""")]
    [InlineData("/b/{id}", """{ "PathSet": "/v" }, { "PathPattern": "/v/{id}" }""")]
    [InlineData("/b/{id}", """{ "PathSet": "/v" }, { "QueryRouteParameter": "vehicleId", "Set": "id" }""")]
    [InlineData("/b/{id}", """{ "PathSet": "/v" }, { "QueryRouteParameter": "vehicleId", "Append": "ID" }""")]
    [InlineData("/b/{id}", """{ "PathSet": "/v" }, { "RequestHeaderRouteValue": "X-Vehicle", "Set": "id" }""")]
    public void A_value_that_leaves_loads(string path, string transforms) =>
        Judged(path, transforms, """ "Device": "route:id" """).Errors().ShouldBeEmpty();

    [Theory]
    [InlineData("Rewritten")]
    [InlineData("Loose,Rewritten")]
    [InlineData("Rewritten, Strict")]
    public void A_route_that_says_so_loads_and_is_a_warning_with_its_reason(string word)
    {
        foreach (
            var transforms in new[]
            {
                """{ "PathSet": "/v" }""",
                """{ "PathPattern": "/v/{vehicleId}" }""",
                """{ "PathRemovePrefix": "/b/mine" }""",
            }
        )
        {
            var said = Judged("/b/{id}", transforms, $""" "Device": "route:id", "Path": "{word}", "PathReason": "one list for all" """);
            said.Errors().ShouldBeEmpty();
            said.Warnings().ShouldContain(line => line.Contains("one list for all", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData(""" "Path": "Rewritten" """, "PathReason", "is missing")]
    [InlineData(""" "Path": "Rewritten", "PathReason": " " """, "PathReason", "is missing")]
    [InlineData(""" "PathReason": "why" """, "PathReason", "has no meaning")]
    [InlineData(""" "Path": "Loose", "PathReason": "why" """, "PathReason", "has no meaning")]
    [InlineData(""" "Path": "Loose,Strict" """, "Path", "is one of")]
    [InlineData(""" "Path": "rewritten", "PathReason": "why" """, "Path", "is one of")]
    [InlineData(""" "Path": "" """, "Path", "is one of")]
    public void A_word_that_says_too_little_or_too_much_does_not_load(string metadata, string key, string says) =>
        Judged("/b/{id}", "", $""" "Device": "route:id", {metadata} """)
            .Errors()
            .ShouldContain(line =>
                line.Contains($"Metadata:{key}:", StringComparison.Ordinal) && line.Contains(says, StringComparison.Ordinal)
            );

    [Theory]
    [InlineData("Cookie")]
    [InlineData("cookie2")]
    [InlineData("Authorization")]
    [InlineData("X-Api-Key")]
    [InlineData("Host")]
    [InlineData("Connection")]
    [InlineData("Keep-Alive")]
    [InlineData("TE")]
    [InlineData("Trailer")]
    [InlineData("Transfer-Encoding")]
    [InlineData("Content-Length")]
    [InlineData("Upgrade")]
    [InlineData("Upgrade-Insecure-Requests")]
    [InlineData("Expect")]
    [InlineData("HTTP2-Settings")]
    [InlineData("traceparent")]
    [InlineData("Forwarded")]
    [InlineData("X-Forwarded-For")]
    [InlineData("X-Forwarded-User")]
    [InlineData("X-Original-URL")]
    [InlineData("X-Real-IP")]
    [InlineData("Remote-User")]
    [InlineData("Proxy-Authorization")]
    [InlineData("X-HTTP-Method-Override")]
    [InlineData("X-Client-Version")]
    [InlineData("Device_Id")]
    public void A_selector_on_a_header_that_never_crosses_does_not_load(string header)
    {
        foreach (
            var metadata in new[]
            {
                $""" "Device": "header:{header}" """,
                $""" "Device": "header:{header}?" """,
                $""" "Reach": "all", "Deny": "header:{header}=secret" """,
            }
        )
        {
            Judged("/b", "", metadata).Errors().ShouldContain(line => line.Contains("crosses", StringComparison.Ordinal), metadata);
        }
    }

    [Theory]
    [InlineData(""" "Device": "header:X-Vehicle" """)]
    [InlineData(""" "Device": "header:Content-Type" """)]
    [InlineData(""" "Device": "header:X-Client-Version", "Headers": "X-Client-Version" """)]
    public void A_selector_on_a_header_that_crosses_loads(string metadata) => Judged("/b", "", metadata).Errors().ShouldBeEmpty();

    [Theory]
    [InlineData("""{ "ClientCert": "X-Vehicle" }""")]
    [InlineData("""{ "X-Forwarded": "Set", "HeaderPrefix": "X-Veh" }""")]
    public void A_transform_that_writes_a_selected_header_does_not_load(string transform) =>
        Judged("/b", transform, """ "Device": "header:X-Vehicle" """)
            .Errors()
            .ShouldContain(line => line.Contains("header that the decision was about", StringComparison.Ordinal));

    [Theory]
    [InlineData("Exists", "")]
    [InlineData("Contains", "m")]
    public void A_value_beside_a_query_name_that_the_route_matches_on_does_not_load(string mode, string value) =>
        Judgement
            .Of(
                Stage.ConfigOf(
                    Upstream,
                    (
                        "x",
                        $$"""
                        { "Match": { "Path": "/b/{id}", "Methods": [ "GET" ], "QueryParameters": [ { "Name": "vehicleId", "Mode": "{{mode}}" {{(
                            value.Length > 0 ? $""", "Values": [ "{value}" ]""" : ""
                        )}} } ] },
                          "Transforms": [ { "PathSet": "/v" }, { "QueryRouteParameter": "vehicleId", "Append": "id" } ], "Metadata": { "Action": "GetDevice", "Device": "route:id" } }
                        """
                    )
                )
            )
            .Errors()
            .ShouldContain(line => line.Contains("selects route:id", StringComparison.Ordinal));

    [Theory]
    [InlineData("""{ "QueryRouteParameter": "name", "Set": "n" }""", "query:name=jwt.secret")]
    [InlineData("""{ "QueryValueParameter": "name", "Set": "x" }""", "query:name=jwt.secret")]
    [InlineData("""{ "RequestHeaderRouteValue": "X-Name", "Set": "n" }""", "header:X-Name=jwt.secret")]
    [InlineData("""{ "RequestHeader": "X-Name", "Set": "x" }""", "header:X-Name=jwt.secret")]
    public void A_transform_that_writes_what_a_denial_reads_does_not_load(string transform, string denial) =>
        Judged("/conf/{n}", transform, $""" "Reach": "all", "Deny": "{denial}" """)
            .Errors()
            .ShouldContain(line => line.Contains("that the decision was about", StringComparison.Ordinal));

    private static string[] Judged(string path, string transforms, string metadata) =>
        Judgement.Of(
            Stage.ConfigOf(
                Upstream,
                (
                    "x",
                    $$"""
                    { "Match": { "Path": "{{path}}", "Methods": [ "GET" ] }, "Transforms": [ {{transforms}} ], "Metadata": { "Action": "GetDevice", {{metadata}} } }
                    """
                )
            )
        );
}
