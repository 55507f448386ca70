using System.ComponentModel;

namespace Broker.Configuration;

/// <summary>An external issuer whose bearer tokens are accepted.</summary>
[ExampleKeys("Authority", "Audiences")]
internal sealed record IssuerOptions
{
    [Description(
        "The base address of the issuer. Its keys are found by /.well-known/openid-configuration below it. Either "
            + "Authority or KeyFile is needed."
    )]
    [WhenMissing("the keys come from KeyFile")]
    [Example("\"https://login.corp.example\"")]
    public string? Authority { get; init; }

    [Description("A file with the issuer's public keys: a JSON Web Key Set, or PEM. Either Authority or KeyFile is needed.")]
    [WhenMissing("the keys come from Authority")]
    [Example("\"/etc/broker/corp.jwks.json\"")]
    public string? KeyFile { get; init; }

    [Description("The exact 'iss' of the issuer's tokens. KeyFile needs it.")]
    [WhenMissing("with Authority: what the discovery document says")]
    [Example("\"https://login.corp.example/\"")]
    public string? Issuer { get; init; }

    [Description("The audiences of which a token must name one.")]
    [WhenMissing("none; needed unless Audience is \"none\"")]
    [Example("""[ "https://broker.corp.example" ]""")]
    public IReadOnlyList<string> Audiences { get; init; } = [];

    [Description("Where a token says whom it is for, if not in 'aud': { \"Claim\": \"client_id\" }, or the bare value \"none\".")]
    [WhenMissing("the claim 'aud'")]
    public AudienceOptions? Audience { get; init; }

    [Description("The signature algorithms accepted: RS, PS and ES with 256, 384 or 512.")]
    [Example("""[ "ES256" ]""")]
    public IReadOnlyList<string> Algorithms { get; init; } = ["RS256", "ES256"];

    [Description("The values of the header 'typ' that are accepted.")]
    [WhenMissing("at+jwt, JWT, Bearer, or no 'typ'")]
    [Example("""[ "at+jwt" ]""")]
    public IReadOnlyList<string> Types { get; init; } = [];

    [Description("The claim that names the caller: a name, or a JSON Pointer.")]
    [Example("\"/user/id\"")]
    public string NameClaim { get; init; } = "sub";

    [Description("Allows Authority to be http.")]
    public bool AllowInsecure { get; init; }

    [Description("Where the caller's actions come from.")]
    [Example("""{ "Claim": "roles", "Map": { "reader": [ "GetDevice" ] } }""")]
    public required ClaimOptions Actions { get; init; }

    [Description("Where the caller's networks come from.")]
    [Example("""{ "Claim": "networks" }""")]
    public required ClaimOptions Networks { get; init; }

    [Description("Where the caller's device types come from.")]
    [Example("""{ "Const": [ "*" ] }""")]
    public required ClaimOptions DeviceTypes { get; init; }

    [Description("Where the caller's devices come from.")]
    [Example("""{ "Const": [ "*" ] }""")]
    public required ClaimOptions Devices { get; init; }

    [Description(
        "The account that is used for the issuer's callers at an upstream: for each upstream's name an account's name. "
            + "A route's Account overrides it."
    )]
    [WhenMissing("'default' at each upstream")]
    [Example("""{ "damoov": "rider" }""")]
    public IReadOnlyDictionary<string, string> Accounts { get; init; } = new Dictionary<string, string>();

    [Description("The clock difference that is tolerated. At most 5 minutes.")]
    public TimeSpan ClockSkew { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>How a token of an external issuer says whom it is for.</summary>
[Shorthand(nameof(Check))]
internal sealed record AudienceOptions
{
    [Description(
        "The claim that holds one of Audiences: a name, or a JSON Pointer. Cognito's access tokens have client_id in " + "place of aud."
    )]
    [Example("\"client_id\"")]
    public string Claim { get; init; } = "aud";

    [Description(
        "\"none\": whom a token is for is not checked. Use it only for an issuer whose tokens are all for this broker; " + "'check' warns."
    )]
    [WhenMissing("the claim is checked")]
    [Example("\"none\"")]
    public string? Check { get; init; }
}

/// <summary>Where one dimension of a caller's permissions comes from: a claim, or the config's own word. Exactly one of the two.</summary>
internal sealed record ClaimOptions
{
    [Description(
        "The claim: a name, or a JSON Pointer. Its value is a blank-separated string, a whole number, or an array of "
            + "strings and whole numbers. A token without the claim gets nothing of this dimension. Either Claim or Const is "
            + "needed."
    )]
    [WhenMissing("Const says it")]
    [Example("\"/realm_access/roles\"")]
    public string? Claim { get; init; }

    [Description("The same value for every token of the issuer. Either Claim or Const is needed.")]
    [WhenMissing("Claim says it")]
    [Example("""[ "*" ]""")]
    public IReadOnlyList<string>? Const { get; init; }

    [Description("With Claim: what each value of the claim stands for. Values that are not in the map are dropped.")]
    [WhenMissing("the claim's values are the names themselves, and \"*\" counts for nothing")]
    [Example("""{ "reader": [ "GetDevice" ] }""")]
    [AnyNames]
    public IReadOnlyDictionary<string, IReadOnlyList<string>>? Map { get; init; }
}

/// <summary>Tokens of the broker's own.</summary>
internal sealed record IssuingOptions
{
    [Description("The 'iss' of the tokens.")]
    [WhenMissing("TokenService:PublicUrl, or 'broker' without one")]
    [Example("\"https://broker.example\"")]
    public string? Issuer { get; init; }

    [Description("The 'aud' of the tokens.")]
    [Example("\"telematics\"")]
    public string Audience { get; init; } = "broker";

    [Description("How long an access token lives.")]
    public TimeSpan AccessLifetime { get; init; } = TimeSpan.FromMinutes(30);

    [Description("The keys, by their id ('kid'). The first one signs, all of them verify.")]
    public required IReadOnlyDictionary<string, SigningKeyOptions> SigningKeys { get; init; }
}

/// <summary>One signing key.</summary>
internal sealed record SigningKeyOptions
{
    [Description("The algorithm of the key.")]
    [Example("\"ES256\"")]
    public required SigningAlgorithm Algorithm { get; init; }

    [Description(
        "For HS256: at least 32 bytes in Base64. For RS256 and ES256: a private key in PEM, or a public key in PEM for "
            + "a key that only verifies."
    )]
    public required Secret Key { get; init; }
}

/// <summary>Signature algorithms of the broker's own tokens.</summary>
internal enum SigningAlgorithm
{
    HS256,
    RS256,
    ES256,
}
