using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Simulators;

/// <summary>How a simulator listens, and where it departs from what its vendor does by default.</summary>
public sealed record SimulatorOptions
{
    /// <summary>The address of this machine to listen on: others reach a container only off loopback.</summary>
    public IPAddress Host { get; init; } = IPAddress.Loopback;

    /// <summary>The port there; 0 takes any free one.</summary>
    public int Port { get; init; }

    /// <summary>The certificate to serve https with; without one it is cleartext.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>The clock of everything the simulator does.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The life of the access tokens that are issued from now on; the vendor's when null.</summary>
    public TimeSpan? TokenLifetime { get; set; }

    /// <summary>The life of a refresh token; the vendor's when null.</summary>
    public TimeSpan? RefreshTokenLifetime { get; init; }

    /// <summary>Damoov, OAuth2: a refresh token that is used again takes the live one with it.</summary>
    public bool ReuseRevokes { get; init; }

    /// <summary>Telemax: 60 requests in 60 seconds a token, then 429.</summary>
    public bool RateLimit { get; init; }

    /// <summary>Damoov: how many logins an address has in a window; 5 when null.</summary>
    public int? MaxLogins { get; init; }

    /// <summary>Damoov: the window logins are counted in; a minute when null.</summary>
    public TimeSpan? LoginWindow { get; init; }

    /// <summary>Damoov: how long an address with too many logins is locked out; an hour when null.</summary>
    public TimeSpan? Lockout { get; init; }

    /// <summary>Damoov: the status for a dead refresh token; the vendor's own clients disagree on 401 and 400.</summary>
    public int RefreshRefusal { get; init; } = 401;

    /// <summary>Damoov: a refusal is a 200 whose body carries the status.</summary>
    public bool StatusInBody { get; init; }

    /// <summary>DeviceHive: the paths its REST services stand under.</summary>
    public IReadOnlyList<string> BasePaths { get; init; } = ["/api/rest", "/auth/rest"];

    /// <summary>DeviceHive: the text its signing key is made of.</summary>
    public string JwtSecret { get; init; } = DeviceHiveSimulator.JwtSecret;

    /// <summary>OAuth2: each refresh answers a new refresh token and ends the old one.</summary>
    public bool RotatesRefreshTokens { get; init; } = true;

    /// <summary>OAuth2: tokens are random text, not JWTs.</summary>
    public bool OpaqueTokens { get; init; }

    /// <summary>OAuth2: answers say nothing of the token's life.</summary>
    public bool OmitsExpiresIn { get; init; }

    /// <summary>OAuth2: answers say a negative life.</summary>
    public bool NegativeExpiresIn { get; init; }
}
