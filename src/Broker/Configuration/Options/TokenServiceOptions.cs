using System.ComponentModel;

namespace Broker.Configuration;

/// <summary>The endpoints at which callers get tokens of the broker's own.</summary>
[ExampleKeys("PublicUrl")]
internal sealed record TokenServiceOptions
{
    [Description("The paths of DeviceHive's login. Its create, refresh and plugin endpoints are below each of them.")]
    [Example("""[ "/token" ]""")]
    public IReadOnlyList<string> Prefixes { get; init; } = ["/token", "/auth/rest/token", "/api/rest/token"];

    [Description("The path below which OAuth2's token, introspect, revoke and revoke-all endpoints are.")]
    [Example("\"/auth/oauth\"")]
    public string OAuthPrefix { get; init; } = "/oauth";

    [Description(
        "The broker's address as clients know it. It is the issuer in the metadata "
            + "(/.well-known/oauth-authorization-server) and, unless Issuing:Issuer is set, in the tokens."
    )]
    [WhenMissing("no metadata")]
    [Example("\"https://broker.example\"")]
    public string? PublicUrl { get; init; }

    [Description("The policy of Broker:Cors by which pages of other origins may use these endpoints.")]
    [WhenMissing("pages of other origins may not")]
    [Example("\"app\"")]
    public string? CorsPolicy { get; init; }

    [Description("How long a login lasts at most. No token that comes of it lives longer. From a minute to 3650 days.")]
    public TimeSpan SessionLifetime { get; init; } = TimeSpan.FromDays(182);

    [Description(
        "How long an access token lives at most. One for which a longer 'expiration' was asked is made shorter. A "
            + "refresh token is bounded by SessionLifetime alone. From a minute to 3650 days, and at least "
            + "Issuing:AccessLifetime."
    )]
    public TimeSpan MaxLifetime { get; init; } = TimeSpan.FromDays(30);

    [Description(
        "Static: a refresh token stays the same, as DeviceHive's clients expect. Rotating: each use answers a new one, "
            + "and a second use of an old one ends the session."
    )]
    public RefreshTokens RefreshTokens { get; init; } = RefreshTokens.Static;

    [Description(
        "With Rotating: how long a second use of a refresh token answers the same successor, because an answer may have "
            + "been lost. At most 5 minutes."
    )]
    public TimeSpan RotationGrace { get; init; } = TimeSpan.FromSeconds(10);

    [Description(
        "With Redis: after how long without an answer of it a replica no longer knows what was revoked. A Cluster fails "
            + "over in 5 s. From 1 s to an hour."
    )]
    public TimeSpan UnknownAfter { get; init; } = TimeSpan.FromSeconds(30);

    [Description(
        "With Redis: what happens to the broker's own tokens while a replica does not know what was revoked. Refuse: "
            + "they are answered 503. Serve: they count, and so may one that was revoked."
    )]
    public WhenUnknown WhenUnknown { get; init; } = WhenUnknown.Refuse;

    [Description(
        "Uniform: a failed login does not say why. DeviceHive: it tells an unknown user from a wrong password, as " + "DeviceHive does."
    )]
    public LoginMessages Messages { get; init; } = LoginMessages.Uniform;

    [Description(
        "After ten failed logins in a row: how long that name waits at that address. The wait doubles with each further "
            + "failure, up to 15 minutes. From 0.1 s to 15 minutes."
    )]
    public TimeSpan FirstWait { get; init; } = TimeSpan.FromSeconds(1);

    [Description("Allows OAuth2 clients to use grant_type=password.")]
    public bool PasswordGrant { get; init; }

    [Description(
        "The DeviceHive upstream whose users may log in here with their login and password there. A caller of the "
            + "config goes before a user of the same name."
    )]
    [WhenMissing("none: only callers of the config log in")]
    [Example("\"devicehive\"")]
    public string? UsersOf { get; init; }

    [Description("DeviceHive's plugins, by topic: who may make tokens for each.")]
    [WhenMissing("nobody makes plugin tokens")]
    public IReadOnlyDictionary<string, PluginOptions> Plugins { get; init; } = new Dictionary<string, PluginOptions>();
}

/// <summary>One plugin's topic.</summary>
internal sealed record PluginOptions
{
    [Description("The caller who may make tokens for the topic.")]
    [Example("\"dashboard\"")]
    public required string Creator { get; init; }
}

/// <summary>Whether a refresh token changes at its use.</summary>
internal enum RefreshTokens
{
    Static,
    Rotating,
}

/// <summary>What becomes of a token of which nobody knows whether it was ended.</summary>
internal enum WhenUnknown
{
    Refuse,
    Serve,
}

/// <summary>What a failed login says.</summary>
internal enum LoginMessages
{
    Uniform,
    DeviceHive,
}
