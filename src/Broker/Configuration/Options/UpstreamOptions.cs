using System.ComponentModel;

namespace Broker.Configuration;

/// <summary>A system behind the broker. The key <c>Kind</c> says which of the derived records it is.</summary>
[Kind("OAuth2", typeof(OAuth2UpstreamOptions))]
[Kind("Telemax", typeof(TelemaxUpstreamOptions))]
[Kind("Damoov", typeof(DamoovUpstreamOptions))]
[Kind("DeviceHive", typeof(DeviceHiveUpstreamOptions))]
[Kind("Static", typeof(StaticUpstreamOptions))]
internal abstract record UpstreamOptions
{
    [Description("Lets the token endpoint and the upstream's addresses be http.")]
    public bool AllowInsecure { get; init; }

    [Description("Headers that carry ids for this upstream: they cross only where a route selects them. The kind's own when missing.")]
    public IReadOnlyList<string>? IdHeaders { get; init; }

    [Description(
        "None but these request headers cross, beside what framing needs (docs/security.md); a route's own Headers go before it. "
            + "All that are harmless when missing."
    )]
    public IReadOnlyList<string>? Headers { get; init; }
}

/// <summary>An upstream whose tokens are fetched.</summary>
internal abstract record FetchedUpstreamOptions : UpstreamOptions
{
    [Description("Where tokens are asked for.")]
    public required string TokenEndpoint { get; init; }

    [Description("How long before its end a token is renewed; the kind's own when missing. Never more than a quarter of its life.")]
    public TimeSpan? RenewBefore { get; init; }

    [Description("The deadline of one call to the token endpoint.")]
    public TimeSpan CallDeadline { get; init; } = TimeSpan.FromSeconds(60);

    [Description("How long a request waits for a token.")]
    public TimeSpan TokenWaitTimeout { get; init; } = TimeSpan.FromSeconds(15);

    [Description(
        "How long nobody asks after a first failure; doubled at each further one, up to MaxRetryDelay. Retry-After goes before it."
    )]
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(2);

    [Description("The longest quiet time.")]
    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromMinutes(5);

    [Description(
        "The longest quiet time after a login that was refused in no words that the kind knows: a 403, a 401 with a page, a 200 "
            + "without a token."
    )]
    public TimeSpan BackOffMax { get; init; } = TimeSpan.FromHours(1);

    [Description("An account unused for this long is not renewed any more, and let go.")]
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(30);

    [Description("How many logins may be tried, failures counted; the kind's own when missing.")]
    public IReadOnlyList<LoginWindowOptions>? Logins { get; init; }
}

/// <summary>A window of the login budget.</summary>
internal sealed record LoginWindowOptions
{
    [Description("Logins in the window.")]
    public required int Permit { get; init; }

    [Description("The window's length.")]
    public required TimeSpan Per { get; init; }

    [Description(
        "Whose the window is. User: each caller's of an account with templates, by the values that it brings; an account without is "
            + "one user. "
            + "Account: all callers of the account together. Endpoint: all accounts of the token endpoint together. "
            + "Of a window that it shares one user has at most half."
    )]
    public LoginScope Scope { get; init; } = LoginScope.User;
}

/// <summary>Whose a login window is.</summary>
internal enum LoginScope
{
    User,
    Account,
    Endpoint,
}

/// <summary>Any OAuth2 API.</summary>
internal sealed record OAuth2UpstreamOptions : FetchedUpstreamOptions
{
    [Description(
        "The life of a token that states none: no expires_in, and no exp in a JWT; 5 minutes when this is missing. "
            + "Where it is set, an expires_in that is no time, such as 0, counts as none; else such a token is refused."
    )]
    public TimeSpan? AssumedLifetime { get; init; }

    [Description(
        "The token_type that its answers name, in any spelling, where that is not Bearer. " + "An answer that names none is taken as well."
    )]
    public string TokenType { get; init; } = "Bearer";

    [Description("The scheme before the token in Authorization, where it is not TokenType: GitHub's 'token', for example.")]
    public string? Scheme { get; init; }

    [Description("Our identities there, by name.")]
    public required IReadOnlyDictionary<string, OAuth2AccountOptions> Accounts { get; init; }
}

/// <summary>One account at an OAuth2 API.</summary>
internal sealed record OAuth2AccountOptions
{
    [Description("ClientCredentials, Password or RefreshToken.")]
    public OAuth2Grant Grant { get; init; } = OAuth2Grant.ClientCredentials;

    [Description("client_id. May be a template: {user}, {issuer:claim}.")]
    public required string ClientId { get; init; }

    [Description("client_secret; a public client has none.")]
    public Secret? ClientSecret { get; init; }

    [Description("Whether the client authenticates by the Basic header or in the body.")]
    public ClientAuthentication ClientAuthentication { get; init; } = ClientAuthentication.Header;

    [Description("With Grant Password: the user. May be a template.")]
    public string? UserName { get; init; }

    [Description("With Grant Password: its password.")]
    public Secret? Password { get; init; }

    [Description(
        "With Grant RefreshToken: the first refresh token. Needs Broker:Redis or RefreshTokenFile, "
            + "since the next ones are not in the config."
    )]
    public Secret? RefreshToken { get; init; }

    [Description("With Grant RefreshToken: a file (made with mode 0600) that keeps the refresh token in force over a restart.")]
    public string? RefreshTokenFile { get; init; }

    [Description("scope, blank-separated on the wire.")]
    public IReadOnlyList<string> Scopes { get; init; } = [];

    [Description("audience.")]
    public string? Audience { get; init; }

    [Description("Further parameters of the token request. Values may be templates.")]
    [AnyNames]
    public IReadOnlyDictionary<string, string> Parameters { get; init; } = new Dictionary<string, string>();

    [Description("Further headers of the token request. Values may be templates.")]
    [AnyNames]
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    [Description("Whether a refresh token dies at its use, and a second use may kill the account's tokens.")]
    public bool Rotates { get; init; } = true;
}

/// <summary>OAuth2 grants.</summary>
internal enum OAuth2Grant
{
    ClientCredentials,
    Password,
    RefreshToken,
}

/// <summary>How an OAuth2 client authenticates (RFC 6749, 2.3.1).</summary>
internal enum ClientAuthentication
{
    Header,
    Body,
}

/// <summary>Telemax (api.telemax.com.au).</summary>
internal sealed record TelemaxUpstreamOptions : FetchedUpstreamOptions
{
    [Description("Our identities there, by name.")]
    public required IReadOnlyDictionary<string, TelemaxAccountOptions> Accounts { get; init; }
}

/// <summary>
/// One account at Telemax: a user, or an API key. The token endpoint is the one of that form: .../token/user or .../token/api-key, V1 or
/// V2.
/// </summary>
internal sealed record TelemaxAccountOptions
{
    [Description("The user. May be a template.")]
    public string? UserName { get; init; }

    [Description("The user's password.")]
    public Secret? Password { get; init; }

    [Description("The API key, instead of user and password.")]
    public Secret? ApiKey { get; init; }

    [Description("The token endpoint of this account, where it differs from the upstream's: an API key has one of its own.")]
    public string? TokenEndpoint { get; init; }
}

/// <summary>Damoov (telematicssdk.com).</summary>
internal sealed record DamoovUpstreamOptions : FetchedUpstreamOptions
{
    [Description("Where pairs are refreshed; when missing, RefreshToken beside the token endpoint's Login.")]
    public string? RefreshEndpoint { get; init; }

    [Description("Our identities there, by name.")]
    public required IReadOnlyDictionary<string, DamoovAccountOptions> Accounts { get; init; }
}

/// <summary>One account at Damoov: an administrator (Email), or a user (DeviceToken; the password is the instance's key).</summary>
internal sealed record DamoovAccountOptions
{
    [Description("An administrator's address. May be a template.")]
    public string? Email { get; init; }

    [Description("A user's device token. May be a template: one upstream user a caller.")]
    public string? DeviceToken { get; init; }

    [Description("The administrator's password, or the instance's key.")]
    public required Secret Password { get; init; }

    [Description("InstanceId header; needed with DeviceToken.")]
    public string? InstanceId { get; init; }

    [Description("How LoginFields stands in the body: as JSON in a string, or as an object.")]
    public LoginFieldsForm LoginFields { get; init; } = LoginFieldsForm.String;
}

/// <summary>The two forms of Damoov's <c>LoginFields</c>.</summary>
internal enum LoginFieldsForm
{
    String,
    Object,
}

/// <summary>DeviceHive.</summary>
internal sealed record DeviceHiveUpstreamOptions : FetchedUpstreamOptions
{
    /// <summary>What DeviceHive's own setting says unless it is changed there.</summary>
    public const int LocksAfter = 10;

    [Description(
        "After how many wrong passwords in a row the upstream locks a user (user.login.maxAttempts there). Where its users log in "
            + "here (UsersOf), "
            + "a name waits from a third of it on, whatever addresses the guesses come from, and is not tried so often within a day."
    )]
    public int LockoutAfter { get; init; } = LocksAfter;

    [Description("Our identities there, by name.")]
    public required IReadOnlyDictionary<string, DeviceHiveAccountOptions> Accounts { get; init; }

    /// <summary>All accounts of the config at this upstream's host: it may stand there under several names and ports.</summary>
    public IEnumerable<DeviceHiveLogin> SameHost(IReadOnlyDictionary<string, UpstreamOptions> upstreams) =>
        from pair in upstreams
        where pair.Value is DeviceHiveUpstreamOptions other && HostOf(other.TokenEndpoint) == HostOf(TokenEndpoint)
        from account in ((DeviceHiveUpstreamOptions)pair.Value).Accounts
        select new DeviceHiveLogin(pair.Key, account.Key, account.Value);

    private static string? HostOf(string address) => Uri.TryCreate(address, UriKind.Absolute, out var uri) ? uri.IdnHost : null;
}

/// <summary>An account of a DeviceHive upstream, with the names that it has in the config.</summary>
internal readonly record struct DeviceHiveLogin(string Upstream, string Account, DeviceHiveAccountOptions Options);

/// <summary>One account at DeviceHive: login and password, or a refresh token.</summary>
internal sealed record DeviceHiveAccountOptions
{
    [Description("The user's login. May be a template.")]
    public string? Login { get; init; }

    [Description("Its password.")]
    public Secret? Password { get; init; }

    [Description("A refresh token instead of login and password; DeviceHive's live 182 days and do not change.")]
    public Secret? RefreshToken { get; init; }
}

/// <summary>An API with a fixed key: a header or a query value from a secret.</summary>
internal sealed record StaticUpstreamOptions : UpstreamOptions
{
    [Description("Our identities there, by name.")]
    public required IReadOnlyDictionary<string, StaticAccountOptions> Accounts { get; init; }
}

/// <summary>One fixed key. Exactly one of Header and Query.</summary>
internal sealed record StaticAccountOptions
{
    [Description("The header's name.")]
    public string? Header { get; init; }

    [Description("The query name.")]
    public string? Query { get; init; }

    [Description("Stands before the value in the header, such as 'Bearer '.")]
    public string Prefix { get; init; } = "";

    [Description("The value.")]
    public required Secret Value { get; init; }
}
