using System.ComponentModel;

namespace Broker.Configuration;

/// <summary>An external issuer whose bearer tokens are accepted.</summary>
internal sealed record IssuerOptions
{
    [Description("Base address of the issuer: its keys are found through /.well-known/openid-configuration. Either this or KeyFile.")]
    public string? Authority { get; init; }

    [Description("A file with the issuer's public keys: a JSON Web Key Set, or PEM. Either this or Authority.")]
    public string? KeyFile { get; init; }

    [Description("The exact 'iss' of its tokens; with Authority, what the discovery document says when missing.")]
    public string? Issuer { get; init; }

    [Description("Audiences of which a token must name one.")]
    public IReadOnlyList<string> Audiences { get; init; } = [];

    [Description(
        "Where a token says whom it is for, if not in 'aud': { \"Claim\": \"client_id\" }, whose values Audiences lists; " + "or \"none\"."
    )]
    public AudienceOptions? Audience { get; init; }

    [Description("Signature algorithms accepted.")]
    public IReadOnlyList<string> Algorithms { get; init; } = ["RS256", "ES256"];

    [Description("The 'typ' headers accepted. When missing: at+jwt, JWT, Bearer, or no 'typ'.")]
    public IReadOnlyList<string> Types { get; init; } = [];

    [Description("The claim that names the caller: a name, or a JSON Pointer such as /user/id.")]
    public string NameClaim { get; init; } = "sub";

    [Description("Lets Authority be http.")]
    public bool AllowInsecure { get; init; }

    [Description("Where the actions come from.")]
    public required ClaimOptions Actions { get; init; }

    [Description("Where the networks come from.")]
    public required ClaimOptions Networks { get; init; }

    [Description("Where the device types come from.")]
    public required ClaimOptions DeviceTypes { get; init; }

    [Description("Where the devices come from.")]
    public required ClaimOptions Devices { get; init; }

    [Description("The account used at an upstream, by upstream; 'default' where none is named.")]
    public IReadOnlyDictionary<string, string> Accounts { get; init; } = new Dictionary<string, string>();

    [Description("Clock difference tolerated.")]
    public TimeSpan ClockSkew { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>How a token of an external issuer says whom it is for.</summary>
[Shorthand(nameof(Check))]
internal sealed record AudienceOptions
{
    [Description(
        "The claim that holds one of Audiences: a name, or a JSON Pointer. " + "Cognito's access tokens have client_id in place of aud."
    )]
    public string Claim { get; init; } = "aud";

    [Description("\"none\": whom a token is for is not checked. Only for an issuer whose tokens are all for this broker.")]
    public string? Check { get; init; }
}

/// <summary>Where one dimension of a caller's permissions comes from: a claim, or the config's own word. Exactly one of the two.</summary>
internal sealed record ClaimOptions
{
    [Description(
        "The claim: a name, or a JSON Pointer such as /realm_access/roles. Its value is a blank-separated string, a number, "
            + "or an array of strings and numbers. A token without it has nothing there."
    )]
    public string? Claim { get; init; }

    [Description("The same for every token of the issuer.")]
    public IReadOnlyList<string>? Const { get; init; }

    [Description(
        "With Claim: what a value of the claim stands for; values that are not here are dropped. Without Map, values are the names "
            + "themselves, and \"*\" counts for nothing."
    )]
    [AnyNames]
    public IReadOnlyDictionary<string, IReadOnlyList<string>>? Map { get; init; }
}

/// <summary>Tokens of the broker's own.</summary>
internal sealed record IssuingOptions
{
    [Description("'iss' of the tokens. When missing, it is TokenService:PublicUrl, and 'broker' where that is missing too.")]
    public string? Issuer { get; init; }

    [Description("'aud' of the tokens.")]
    public string Audience { get; init; } = "broker";

    [Description("How long an access token lives.")]
    public TimeSpan AccessLifetime { get; init; } = TimeSpan.FromMinutes(30);

    [Description("Keys by id: the first signs, all verify.")]
    public required IReadOnlyDictionary<string, SigningKeyOptions> SigningKeys { get; init; }
}

/// <summary>One signing key.</summary>
internal sealed record SigningKeyOptions
{
    [Description("HS256, RS256 or ES256.")]
    public required SigningAlgorithm Algorithm { get; init; }

    [Description("HS256: at least 32 bytes, in Base64. RS256 and ES256: a private key in PEM; a public key in PEM where it only verifies.")]
    public required Secret Key { get; init; }
}

/// <summary>Signature algorithms of the broker's own tokens.</summary>
internal enum SigningAlgorithm
{
    HS256,
    RS256,
    ES256,
}
