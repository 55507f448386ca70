namespace Broker.Configuration;

/// <summary>Words for keys that people will try and that are not there: what is not in this version, and what is said elsewhere.</summary>
internal static class KeyHints
{
    // A '*' stands for one name.
    private static readonly (string[] Path, string Cure)[] All =
    [
        At("Logging", "logging is Serilog's: say it under 'Serilog' (MinimumLevel)"),
        At("AllowedHosts", "hosts are a route's: say them in 'ReverseProxy:Routes:<name>:Match:Hosts'"),
        At("ConnectionStrings", "there are none: a secret is named where it is used, as { \"File\": ... } or { \"Env\": ... }"),
        At("Urls", "say where to listen under 'Kestrel:Endpoints:<name>:Url'"),
        At("urls", "say where to listen under 'Kestrel:Endpoints:<name>:Url'"),
        At("IpRateLimiting", NotYet("rate limits")),
        At("IpRateLimitPolicies", NotYet("rate limits")),
        At("ClientRateLimiting", NotYet("rate limits")),
        At("ClientRateLimitPolicies", NotYet("rate limits")),
        At("Broker:Users", "users are callers: give one in 'Broker:Callers' a UserId and Basic, and it can log in at the TokenService"),
        At("Broker:RateLimits", NotYet("rate limits")),
        At("Broker:IpRateLimiting", NotYet("rate limits")),
        At("Broker:ClientRateLimiting", NotYet("rate limits")),
        At("Broker:Upstreams:*:Directory", NotYet("a directory of devices; name the network and type with const: or grant \"*\"")),
        At("Broker:Upstreams:*:QuietTime", Renamed("RetryDelay")),
        At("Broker:Upstreams:*:QuietTimeMax", Renamed("MaxRetryDelay")),
        At("Broker:Upstreams:*:Patience", Renamed("TokenWaitTimeout")),
        At("Broker:Upstreams:*:UnusedAfter", Renamed("IdleTimeout")),
        At("Broker:Upstreams:*:Accounts:*:Keep", Renamed("RefreshTokenFile")),
        At("Broker:Redis:RefreshLives", Renamed("RefreshTokenTtl")),
        At("Broker:Redis:EpochPause", Renamed("RecoveryDelay")),
        At("Broker:Redis:NameKey", Renamed("NamingKey")),
        At("Broker:Callers:*:Key", "keys are a list of digests: \"Keys\": [ { \"Sha256\": ... } ], from 'broker key new'"),
        At("Broker:Callers:*:ApiKey", "keys are a list of digests: \"Keys\": [ { \"Sha256\": ... } ], from 'broker key new'"),
        At("Broker:Callers:*:Password", "say \"Basic\": { \"Hash\": ... }, a hash from 'broker key hash'"),
    ];

    /// <summary>What to tell about an unknown key at this path; null when there is nothing better than its nearest neighbour.</summary>
    public static string? For(string path)
    {
        var parts = path.Split(':');
        foreach (var (pattern, cure) in All)
        {
            if (pattern.Length == parts.Length && pattern.Zip(parts).All(pair => pair.First == "*" || pair.First == pair.Second))
            {
                return cure;
            }
        }

        return null;
    }

    private static string Renamed(string now) => $"was renamed: write '{now}'";

    private static string NotYet(string what) => $"is not in this version: {what}; take the key out";

    private static (string[] Path, string Cure) At(string path, string cure) => (path.Split(':'), cure);
}
