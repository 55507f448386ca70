using System.Reflection;
using Broker.Configuration;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Shouldly;
using Xunit;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Transforms.Builder;

namespace Broker.Tests.Configuration;

/// <summary>
/// The broker's records of YARP's and Kestrel's keys say what the real types say: a key that either gains or loses is seen here.
/// </summary>
public sealed class ShapeTests
{
    private const BindingFlags Constants = BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public;

    private static readonly (Type Shape, Type Theirs, string[] NoKeys)[] Pairs =
    [
        (typeof(RouteShape), typeof(RouteConfig), ["RouteId"]),
        (typeof(MatchShape), typeof(RouteMatch), []),
        (typeof(HeaderMatchShape), typeof(RouteHeader), []),
        (typeof(QueryMatchShape), typeof(RouteQueryParameter), []),
        (typeof(ClusterShape), typeof(ClusterConfig), ["ClusterId"]),
        (typeof(DestinationShape), typeof(DestinationConfig), []),
        (typeof(SessionAffinityShape), typeof(SessionAffinityConfig), []),
        (typeof(AffinityCookieShape), typeof(SessionAffinityCookieConfig), []),
        (typeof(HealthCheckShape), typeof(HealthCheckConfig), []),
        (typeof(ActiveHealthShape), typeof(ActiveHealthCheckConfig), []),
        (typeof(PassiveHealthShape), typeof(PassiveHealthCheckConfig), []),
        (typeof(HttpClientShape), typeof(HttpClientConfig), []),
        (typeof(WebProxyShape), typeof(WebProxyConfig), []),
        (typeof(HttpRequestShape), typeof(ForwarderRequestConfig), []),
        (typeof(ReverseProxyShape), typeof(IProxyConfig), ["ChangeToken", "RevisionId"]),
        (typeof(EndpointDefaultsShape), Kestrels("EndpointDefaults"), []),
        (typeof(EndpointShape), Kestrels("EndpointConfig"), ["Name", "ConfigSection"]),
        (typeof(SniShape), Kestrels("SniConfig"), []),
        (typeof(CertificateShape), Kestrels("CertificateConfig"), ["ConfigSection", "IsFileCert", "IsStoreCert", "FileHasChanged"]),
        (typeof(HeaderMatchModeShape), typeof(HeaderMatchMode), []),
        (typeof(QueryMatchModeShape), typeof(QueryParameterMatchMode), []),
        (typeof(EndpointProtocols), typeof(HttpProtocols), []),
        (typeof(ClientCertificates), typeof(ClientCertificateMode), []),
    ];

    public static TheoryData<Type, Type, string[]> Mirrored => new(Pairs);

    [Theory]
    [MemberData(nameof(Mirrored))]
    public void A_shape_has_the_keys_or_words_of_the_real_type(Type shape, Type theirs, string[] noKeys) =>
        Words(shape).ShouldBe(Words(theirs).Except(noKeys), ignoreOrder: true);

    [Fact]
    public void Every_shape_is_held_to_a_real_type()
    {
        var shapes = typeof(OptionShape).Assembly.GetTypes().Where(type => type.Name.EndsWith("Shape", StringComparison.Ordinal));
        // The keys of transforms and of Kestrel's section itself are constants there: see below. And what OptionShape describes is our own.
        Type[] others = [typeof(OptionShape), typeof(TransformShape), typeof(KestrelShape)];
        shapes.Except(Pairs.Select(pair => pair.Shape)).ShouldBe(others, ignoreOrder: true);
    }

    [Fact]
    public void Every_key_that_kestrel_reads_by_name_is_in_a_shape_and_no_other()
    {
        Type[] shapes = [typeof(KestrelShape), typeof(EndpointDefaultsShape), typeof(EndpointShape), typeof(SniShape)];
        Strings(Kestrels("ConfigurationReader"), "Key").ShouldBe(shapes.SelectMany(Words).Distinct(), ignoreOrder: true);
    }

    [Fact]
    public void Every_key_of_yarps_transforms_is_known_and_no_other()
    {
        var factories = typeof(ITransformFactory)
            .Assembly.GetTypes()
            .Where(type => type.IsClass && type.IsAssignableTo(typeof(ITransformFactory)));
        TransformShape
            .All.Keys.Union(TransformShape.All.Values.SelectMany(beside => beside))
            // a constant that YARP does not read
            .ShouldBe(factories.SelectMany(factory => Strings(factory, "Key")).Distinct().Except(["By"]), ignoreOrder: true);
    }

    private static IEnumerable<string> Words(Type type) =>
        type.IsEnum
            ? Enum.GetNames(type)
            : type.GetProperties()
                .Where(property => property.GetMethod is { IsStatic: false } && property.Name != "EqualityContract")
                .Select(property => property.Name);

    private static IEnumerable<string> Strings(Type type, string ending) =>
        type.GetFields(Constants)
            .Where(field => field.FieldType == typeof(string) && field.Name.EndsWith(ending, StringComparison.Ordinal))
            .Select(field => (string)field.GetValue(null)!);

    private static Type Kestrels(string name) =>
        typeof(KestrelServerOptions)
            .Assembly.GetTypes()
            .Single(type =>
                type.Name == name && type.Namespace!.StartsWith("Microsoft.AspNetCore.Server.Kestrel.Core", StringComparison.Ordinal)
            );
}
