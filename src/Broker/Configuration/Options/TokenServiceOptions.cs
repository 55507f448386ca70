using System.ComponentModel;

namespace Broker.Configuration;

/// <summary>The endpoints at which callers get tokens of the broker's own.</summary>
internal sealed record TokenServiceOptions
{
    [Description("Where DeviceHive's family of endpoints stands: the path of the login; create, refresh and plugin lie below it.")]
    public IReadOnlyList<string> Prefixes { get; init; } = ["/token", "/auth/rest/token", "/api/rest/token"];

    [Description("Where OAuth2's token, introspect and revoke endpoints lie.")]
    public string OAuthPrefix { get; init; } = "/oauth";

    [Description(
        "The broker's address as clients know it, such as https://broker.example. Without it there is no "
            + "/.well-known/oauth-authorization-server. It is the issuer there and, unless Issuing:Issuer says otherwise, in the tokens."
    )]
    public string? PublicUrl { get; init; }

    [Description("The policy of Broker:Cors by which pages of other origins may use these endpoints; none without it.")]
    public string? CorsPolicy { get; init; }

    [Description("How long a login lasts at most: nothing that comes of it lives longer.")]
    public TimeSpan SessionLifetime { get; init; } = TimeSpan.FromDays(182);

    [Description(
        "How long an access token lives at most, also one for which a longer 'expiration' was asked: it is made shorter, and says "
            + "so itself. "
            + "A refresh token is bounded by SessionLifetime alone."
    )]
    public TimeSpan MaxLifetime { get; init; } = TimeSpan.FromDays(30);

    [Description(
        "Static: a refresh token stays as it is (DeviceHive's clients). Rotating: a new one at each use, and a second use of an old "
            + "one ends the session."
    )]
    public RefreshTokens RefreshTokens { get; init; } = RefreshTokens.Static;

    [Description("With Rotating: how long the same successor is answered again, for an answer that was lost.")]
    public TimeSpan RotationGrace { get; init; } = TimeSpan.FromSeconds(10);

    [Description("With Redis: after how long without a word of it a replica no longer knows what was ended. A Cluster fails over in 5 s.")]
    public TimeSpan UnknownAfter { get; init; } = TimeSpan.FromSeconds(30);

    [Description(
        "With Redis: what becomes of the broker's own tokens where it is not known what was ended. Refuse: 503 until it is known. "
            + "Serve: they count, and so may one that was ended."
    )]
    public WhenUnknown WhenUnknown { get; init; } = WhenUnknown.Refuse;

    [Description(
        "Uniform: a failed login does not say why. DeviceHive: it tells an unknown user from a wrong password, as DeviceHive does."
    )]
    public LoginMessages Messages { get; init; } = LoginMessages.Uniform;

    [Description(
        "After ten failed logins in a row: how long that name waits at that address. It doubles with each further one, up to a "
            + "quarter of an hour."
    )]
    public TimeSpan FirstWait { get; init; } = TimeSpan.FromSeconds(1);

    [Description("Lets OAuth2 clients use grant_type=password.")]
    public bool PasswordGrant { get; init; }

    [Description(
        "The DeviceHive upstream whose users may log in here as well, with their own login and password there. Callers of the "
            + "config go first."
    )]
    public string? UsersOf { get; init; }

    [Description("DeviceHive's plugins by topic: for each, the caller who may make tokens for it.")]
    public IReadOnlyDictionary<string, PluginOptions> Plugins { get; init; } = new Dictionary<string, PluginOptions>();
}

/// <summary>One plugin's topic.</summary>
internal sealed record PluginOptions
{
    [Description("The caller that may make tokens for the topic.")]
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
