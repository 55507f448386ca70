using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Simulators;

/// <summary>Stands in for DeviceHive's frontend and auth services, with what is wrong in them.</summary>
public sealed class DeviceHiveSimulator : Simulator
{
    /// <summary>The administrator, user 1.</summary>
    public const string AdminLogin = "admin";

    /// <summary>The administrator's password.</summary>
    public const string AdminPassword = "devicehive-admin-password";

    /// <summary>A client of network 1, user 2.</summary>
    public const string OperatorLogin = "operator";

    /// <summary>The operator's password.</summary>
    public const string OperatorPassword = "devicehive-operator-password";

    /// <summary>The text that the signing key is made of.</summary>
    public const string JwtSecret = "devicehive";

    /// <summary>The topic of the one plugin, which the administrator made.</summary>
    public const string PluginTopic = "plugin_topic_4b1d8a52-6f0c-4d2e-8a37-90c1e2f3a4b5";

    /// <summary>A device of network 1 and type 1.</summary>
    public const string DeviceA = "device-a";

    /// <summary>A device of network 2 and type 1.</summary>
    public const string DeviceB = "device-b";

    /// <summary>A device of network 1 and type 2.</summary>
    public const string DeviceC = "device-c";

    /// <summary>The network "depot north".</summary>
    public const long NetworkNorth = 1;

    /// <summary>The network "depot south".</summary>
    public const long NetworkSouth = 2;

    private static readonly string[] Overrides = ["PUT", "DELETE", "HEAD", "OPTIONS"];
    private readonly DeviceHiveWorld _world;
    private readonly DeviceHiveJwt _jwt;

    private DeviceHiveSimulator(SimulatorOptions options)
        : base(options)
    {
        _world = new DeviceHiveWorld(options.JwtSecret);
        _jwt = new DeviceHiveJwt(Issued, options);
    }

    /// <summary>Starts one.</summary>
    public static Task<DeviceHiveSimulator> StartAsync(SimulatorOptions options) => OpenAsync(new DeviceHiveSimulator(options));

    internal override bool IsCaseSensitive => true;

    internal override Answer Unauthorized(Call call) => DeviceHiveErrors.Unauthorized;

    private protected override void Map(Routes routes)
    {
        var access = new DeviceHiveAccess(_world, _jwt, Issued);
        var messages = new DeviceHivePolling(access, Options.Time, Until);
        foreach (var path in Options.BasePaths)
        {
            var guarded = new DeviceHiveRoutes(routes, path, access);
            new DeviceHiveTokens(_world, _jwt, access, Options.Time).Map(routes, path);
            new DeviceHivePluginTokens(_world, _jwt, access, Options.Time).Map(routes, path);
            new DeviceHiveDevices(_world).Map(guarded);
            new DeviceHiveMessages(_world, messages, Options.Time).Map(guarded);
            new DeviceHiveGroups(_world).Map(guarded);
            new DeviceHiveUsers(_world).Map(guarded);
            new DeviceHiveServer(_world, Options.Time).Map(guarded);
        }
    }

    /// <summary>
    /// Takes matrix parameters out of the path, and believes X-HTTP-Method-Override on a POST, as Jersey and its filter do.
    /// </summary>
    private protected override void Prepare(HttpRequest request)
    {
        request.HttpContext.Response.Headers.AccessControlAllowOrigin = "*";
        var target = request.HttpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget.Split('?')[0];
        if (target.Contains(';', StringComparison.Ordinal))
        {
            var segments = target.Split('/').Select(segment => segment.Split(';')[0]);
            request.Path = PathString.FromUriComponent(string.Join('/', segments));
        }
        if (HttpMethods.IsPost(request.Method) && Overrides.Contains(request.Headers["X-HTTP-Method-Override"].ToString()))
        {
            request.Method = request.Headers["X-HTTP-Method-Override"].ToString();
        }
    }
}
