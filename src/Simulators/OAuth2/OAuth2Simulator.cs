namespace Simulators;

/// <summary>Stands in for an OAuth2 API of chargers: a token endpoint after RFC 6749 and data routes that echo what they got.</summary>
public sealed class OAuth2Simulator : Simulator
{
    /// <summary>The token endpoint's path.</summary>
    public const string TokenPath = "/oauth/token";

    /// <summary>A client that must show its secret in a Basic header; it may use every grant.</summary>
    public const string BasicClientId = "fleet-service";

    /// <summary>That client's secret; RFC 6749 2.3.1 has it form-encoded within Basic.</summary>
    public const string BasicClientSecret = "fleet secret:100%";

    /// <summary>A client that must show its secret in the body; client credentials only.</summary>
    public const string BodyClientId = "charger-app";

    /// <summary>That client's secret.</summary>
    public const string BodyClientSecret = "charger-app-secret";

    /// <summary>A client, by Basic, that must also send <see cref="TenantParameter"/> and <see cref="TenantHeader"/>.</summary>
    public const string TenantClientId = "tenant-client";

    /// <summary>That client's secret.</summary>
    public const string TenantClientSecret = "tenant-client-secret";

    /// <summary>The extra parameter of the tenant's client; its value is <see cref="Tenant"/>.</summary>
    public const string TenantParameter = "tenant";

    /// <summary>The extra header of the tenant's client; its value is <see cref="Tenant"/>.</summary>
    public const string TenantHeader = "X-Tenant";

    /// <summary>The value of both.</summary>
    public const string Tenant = "acme";

    /// <summary>The resource owner of the password grant.</summary>
    public const string UserName = "driver@acme.example";

    /// <summary>The resource owner's password.</summary>
    public const string Password = "driver-password";

    /// <summary>A refresh token of <see cref="BasicClientId"/> that is live from the start, for an account without a login.</summary>
    public const string InitialRefreshToken = "initial-refresh-token-of-fleet-service";

    /// <summary>The audience of a token that asked for none.</summary>
    public const string Audience = "https://api.chargers.example";

    /// <summary>The other audience that may be asked for.</summary>
    public const string OtherAudience = "https://api.fleet.example";

    /// <summary>The scopes that may be asked for; a token that asked for none has them all.</summary>
    public static IReadOnlyList<string> Scopes { get; } = ["read", "write"];

    private readonly OAuth2Tokens _tokens;

    private OAuth2Simulator(SimulatorOptions options)
        : base(options) => _tokens = new OAuth2Tokens(new OAuth2Sessions(Issued, options), options);

    /// <summary>Starts one.</summary>
    public static Task<OAuth2Simulator> StartAsync(SimulatorOptions options) => OpenAsync(new OAuth2Simulator(options));

    internal override bool IsCaseSensitive => true;

    internal override Answer Unauthorized(Call call) =>
        Answer.Json(401, new { error = "invalid_token" }).With("WWW-Authenticate", "Bearer error=\"invalid_token\"");

    private protected override void Map(Routes routes)
    {
        _tokens.Map(routes);
        new OAuth2Streams(Options.Time, Until, call => Admit(call).Refusal).Map(routes);
        new OAuth2Data(Admit).Map(routes);
    }

    /// <summary>Checks the token, and its scope: "read" for GET, "write" for all else.</summary>
    private (Answer? Refusal, IssuedToken? Token) Admit(Call call)
    {
        var (state, token) = Issued.Find(call.Bearer);
        if (state != TokenState.Live)
        {
            return (call.Bearer is null ? Answer.Empty(401).With("WWW-Authenticate", "Bearer") : Unauthorized(call), null);
        }
        var needed = call.Context.Request.Method == "GET" ? "read" : "write";
        return token!.Scope.Split(' ').Contains(needed)
            ? (null, token)
            : (
                Answer
                    .Json(403, new { error = "insufficient_scope", scope = needed })
                    .With("WWW-Authenticate", $"Bearer error=\"insufficient_scope\", scope=\"{needed}\""),
                null
            );
    }
}
