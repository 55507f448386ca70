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
    [Description("Allows the token endpoint and the upstream's addresses to be http.")]
    public bool AllowInsecure { get; init; }

    [Description("Headers that carry ids for this upstream. They cross only where a route selects them.")]
    [WhenMissing("Damoov: UserDeviceToken, DeviceToken, InstanceId, InstanceKey; DeviceHive: Auth-DeviceID, Auth-DeviceKey; others: none")]
    [Example("""[ "X-Vehicle-Id" ]""")]
    public IReadOnlyList<string>? IdHeaders { get; init; }

    [Description("The only request headers that cross, beside what framing needs (docs/security.md). A route's Headers override it.")]
    [WhenMissing("all headers that docs/security.md does not list as dropped")]
    [Example("""[ "Accept", "Accept-Language" ]""")]
    public IReadOnlyList<string>? Headers { get; init; }
}

/// <summary>An upstream whose tokens are fetched.</summary>
internal abstract record FetchedUpstreamOptions : UpstreamOptions
{
    [Description("The address at which tokens are asked for.")]
    [Example("\"https://login.vendor.example/oauth/token\"")]
    public required string TokenEndpoint { get; init; }

    [Description("How long before its end a token is renewed. It is never more than a quarter of the token's life. At most a day.")]
    [WhenMissing("OAuth2: 1 minute; DeviceHive: 2 minutes; Telemax and Damoov: 5 minutes")]
    [Example("\"00:02:00\"")]
    public TimeSpan? RenewBefore { get; init; }

    [Description("The deadline of one call to the token endpoint. At most an hour.")]
    public TimeSpan CallDeadline { get; init; } = TimeSpan.FromSeconds(60);

    [Description("How long a request waits for a token. At most an hour.")]
    public TimeSpan TokenWaitTimeout { get; init; } = TimeSpan.FromSeconds(15);

    [Description(
        "After a first failure: how long the token endpoint is not asked. It doubles with each further failure, up to "
            + "MaxRetryDelay. A Retry-After of the endpoint overrides it. At most a day."
    )]
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(2);

    [Description("The longest pause after failures. At most a day.")]
    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromMinutes(5);

    [Description(
        "The longest pause after a login that was refused in words that the kind does not know: a 403, a 401 with a "
            + "page, a 200 without a token. At most a day."
    )]
    public TimeSpan BackOffMax { get; init; } = TimeSpan.FromHours(1);

    [Description("An account that is unused for this long is no longer renewed, and its token is dropped. At most 30 days.")]
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(30);

    [Description("The login budget: one or more windows, each with a number of logins. Failures count.")]
    [WhenMissing("OAuth2 and Telemax: 10 a minute; DeviceHive: 5 in 10 minutes; Damoov: 4 a minute and 20 an hour for the endpoint")]
    [Example("""[ { "Permit": 4, "Per": "00:01:00", "Scope": "Endpoint" } ]""")]
    public IReadOnlyList<LoginWindowOptions>? Logins { get; init; }
}

/// <summary>A window of the login budget.</summary>
internal sealed record LoginWindowOptions
{
    [Description("How many logins the window allows. From 1 to 1000.")]
    [Example("4")]
    public required int Permit { get; init; }

    [Description("The length of the window. At most a day.")]
    [Example("\"00:01:00\"")]
    public required TimeSpan Per { get; init; }

    [Description(
        "Whose logins the window counts. User: those of one upstream user (an account with templates is one user for "
            + "each value that callers bring; an account without templates is one user). Account: those of all callers of the "
            + "account. Endpoint: those of all accounts of the token endpoint. One user has at most half of a window that it "
            + "shares."
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
        "How long a token lives that states no lifetime: it has no expires_in, and is no JWT with an exp. Where this "
            + "key is set, an expires_in that is no time, such as 0, counts as none; otherwise such a token is refused."
    )]
    [WhenMissing("5 minutes")]
    [Example("\"00:30:00\"")]
    public TimeSpan? AssumedLifetime { get; init; }

    [Description("The token_type that the upstream's answers name, in any letter case. An answer that names none is accepted.")]
    [Example("\"token\"")]
    public string TokenType { get; init; } = "Bearer";

    [Description("The word before the token in Authorization.")]
    [WhenMissing("the value of TokenType")]
    [Example("\"token\"")]
    public string? Scheme { get; init; }

    [Description("The broker's identities there, by name. 'default' is used where neither the route nor the caller names another.")]
    public required IReadOnlyDictionary<string, OAuth2AccountOptions> Accounts { get; init; }
}

/// <summary>One account at an OAuth2 API.</summary>
[ExampleKeys("ClientSecret")]
internal sealed record OAuth2AccountOptions
{
    [Description("How the account gets its first token.")]
    public OAuth2Grant Grant { get; init; } = OAuth2Grant.ClientCredentials;

    [Description("client_id. May be a template: {user} is the caller's name, {corp:sub} a claim of a token of the issuer 'corp'.")]
    [Example("\"broker\"")]
    public required string ClientId { get; init; }

    [Description("client_secret. The grant ClientCredentials needs it, unless Parameters or Headers authenticate the client.")]
    [WhenMissing("a public client")]
    public Secret? ClientSecret { get; init; }

    [Description("Whether the client authenticates by the header Authorization: Basic, or in the body.")]
    public ClientAuthentication ClientAuthentication { get; init; } = ClientAuthentication.Header;

    [Description("With the grant Password: the user. May be a template.")]
    [WhenMissing("none; the grant Password needs it")]
    [Example("\"reader@acme.example\"")]
    public string? UserName { get; init; }

    [Description("With the grant Password: the user's password.")]
    [WhenMissing("none; the grant Password needs it")]
    public Secret? Password { get; init; }

    [Description(
        "With the grant RefreshToken: the first refresh token. If it rotates, the account needs Broker:Redis or RefreshTokenFile, "
            + "since the next refresh tokens are not in the config."
    )]
    [WhenMissing("none; the grant RefreshToken needs it")]
    public Secret? RefreshToken { get; init; }

    [Description(
        "With the grant RefreshToken: a file, created with mode 0600, that keeps the current refresh token over a "
            + "restart. An absolute path."
    )]
    [WhenMissing("no file")]
    [Example("\"/var/lib/broker/chargers.refresh\"")]
    public string? RefreshTokenFile { get; init; }

    [Description("The scopes that are asked for.")]
    [WhenMissing("no scope parameter")]
    [Example("""[ "vehicles.read" ]""")]
    public IReadOnlyList<string> Scopes { get; init; } = [];

    [Description("The parameter audience.")]
    [WhenMissing("no audience parameter")]
    [Example("\"https://api.vendor.example\"")]
    public string? Audience { get; init; }

    [Description("Further parameters of the token request. Values may be templates.")]
    [WhenMissing("none")]
    [Example("""{ "resource": "https://api.vendor.example" }""")]
    [AnyNames]
    public IReadOnlyDictionary<string, string> Parameters { get; init; } = new Dictionary<string, string>();

    [Description("Further headers of the token request. Values may be templates.")]
    [WhenMissing("none")]
    [Example("""{ "X-Tenant": "acme" }""")]
    [AnyNames]
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    [Description(
        "Whether the upstream replaces a refresh token when it is used, so that a second use fails or revokes the " + "account's tokens."
    )]
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
    [Description("The broker's identities there, by name. 'default' is used where neither the route nor the caller names another.")]
    public required IReadOnlyDictionary<string, TelemaxAccountOptions> Accounts { get; init; }
}

/// <summary>One account at Telemax: a user, or an API key. Each has its endpoint: .../token/user, .../token/api-key, V1 or V2.</summary>
[ExampleKeys("UserName", "Password")]
internal sealed record TelemaxAccountOptions
{
    [Description("The user. May be a template. Either UserName or ApiKey is needed.")]
    [WhenMissing("ApiKey is used")]
    [Example("\"reader@acme.example\"")]
    public string? UserName { get; init; }

    [Description("The user's password.")]
    [WhenMissing("none; UserName needs it")]
    public Secret? Password { get; init; }

    [Description("The API key. Either UserName or ApiKey is needed.")]
    [WhenMissing("UserName is used")]
    public Secret? ApiKey { get; init; }

    [Description("The token endpoint of this account, where it differs from the upstream's: an API key has an endpoint of its own.")]
    [WhenMissing("the upstream's TokenEndpoint")]
    [Example("\"https://api.telemax.com.au/api/v2/authentication/token/api-key\"")]
    public string? TokenEndpoint { get; init; }
}

/// <summary>Damoov (telematicssdk.com).</summary>
internal sealed record DamoovUpstreamOptions : FetchedUpstreamOptions
{
    [Description("The address at which token pairs are refreshed.")]
    [WhenMissing("RefreshToken in place of the last segment of TokenEndpoint")]
    [Example("\"https://user.telematicssdk.com/v1/Auth/RefreshToken\"")]
    public string? RefreshEndpoint { get; init; }

    [Description("The broker's identities there, by name. 'default' is used where neither the route nor the caller names another.")]
    public required IReadOnlyDictionary<string, DamoovAccountOptions> Accounts { get; init; }
}

/// <summary>One account at Damoov: an administrator (Email), or a user (DeviceToken; the password is the instance's key).</summary>
[ExampleKeys("Email")]
internal sealed record DamoovAccountOptions
{
    [Description("An administrator's address. May be a template. Either Email or DeviceToken is needed.")]
    [WhenMissing("DeviceToken is used")]
    [Example("\"admin@acme.example\"")]
    public string? Email { get; init; }

    [Description(
        "A user's device token. May be a template: then each caller has a user of their own at Damoov. Either Email or "
            + "DeviceToken is needed."
    )]
    [WhenMissing("Email is used")]
    [Example("\"{corp:damoov_token}\"")]
    public string? DeviceToken { get; init; }

    [Description("The administrator's password; for a DeviceToken, the key of the instance.")]
    public required Secret Password { get; init; }

    [Description("The header InstanceId of the token request. DeviceToken needs it.")]
    [WhenMissing("no such header")]
    [Example("\"8a9f3c2e-0000-4000-8000-000000000001\"")]
    public string? InstanceId { get; init; }

    [Description("How LoginFields stand in the body: as JSON in a string, or as an object.")]
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

    /// <summary>The template value under which a user's own refresh token goes to the accounts of this upstream.</summary>
    public static string UserRefreshTokenValue(string upstream) => $"user-refresh:{upstream}";

    [Description(
        "After how many wrong passwords in a row the upstream locks a user (user.login.maxAttempts there). Where its "
            + "users log in at the broker (UsersOf), a name has to wait from a third of this number on, whatever addresses "
            + "the attempts come from, so that the upstream's limit is not reached within a day. From 2 to 1000."
    )]
    public int LockoutAfter { get; init; } = LocksAfter;

    [Description("The broker's identities there, by name. 'default' is used where neither the route nor the caller names another.")]
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
[ExampleKeys("Login", "Password")]
internal sealed record DeviceHiveAccountOptions
{
    [Description("The user's login. May be a template. Either Login or RefreshToken is needed.")]
    [WhenMissing("RefreshToken is used")]
    [Example("\"broker-reader\"")]
    public string? Login { get; init; }

    [Description("The user's password.")]
    [WhenMissing("none; Login needs it")]
    public Secret? Password { get; init; }

    [Description("A refresh token. DeviceHive's live 182 days and do not change. Either Login or RefreshToken is needed.")]
    [WhenMissing("Login is used")]
    public Secret? RefreshToken { get; init; }
}

/// <summary>An API with a fixed key: a header or a query value from a secret.</summary>
internal sealed record StaticUpstreamOptions : UpstreamOptions
{
    [Description("The broker's keys there, by name. 'default' is used where neither the route nor the caller names another.")]
    public required IReadOnlyDictionary<string, StaticAccountOptions> Accounts { get; init; }
}

/// <summary>One fixed key. Exactly one of Header and Query.</summary>
[ExampleKeys("Header")]
internal sealed record StaticAccountOptions
{
    [Description("The name of the header that carries the key. Either Header or Query is needed.")]
    [WhenMissing("Query is used")]
    [Example("\"X-Vendor-Key\"")]
    public string? Header { get; init; }

    [Description("The name of the query parameter that carries the key. Either Header or Query is needed.")]
    [WhenMissing("Header is used")]
    [Example("\"key\"")]
    public string? Query { get; init; }

    [Description("What stands before the key in the header.")]
    [WhenMissing("nothing")]
    [Example("\"Bearer \"")]
    public string Prefix { get; init; } = "";

    [Description("The key.")]
    public required Secret Value { get; init; }
}
