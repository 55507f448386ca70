using System.Globalization;
using System.Text.Json;

namespace Simulators;

/// <summary>Writes DeviceHive's tokens and reads them: one claim, "payload", expiry in milliseconds.</summary>
internal sealed class DeviceHiveJwt(IssuedTokens issued, SimulatorOptions options)
{
    public const int Refresh = 0;
    public const int Access = 1;
    private const string Header = """{"alg":"HS256"}""";

    private readonly byte[] _key = JjwtKey.From(options.JwtSecret);
    private long _last;

    public DateTimeOffset AccessExpiry => options.Time.GetUtcNow() + (options.TokenLifetime ?? TimeSpan.FromMinutes(30));

    public DateTimeOffset RefreshExpiry => options.Time.GetUtcNow() + (options.RefreshTokenLifetime ?? TimeSpan.FromDays(182));

    public object Pair(Dictionary<string, object?> subject, DateTimeOffset access, DateTimeOffset refresh) =>
        new { accessToken = Write(subject, access, Access), refreshToken = Write(subject, refresh, Refresh) };

    /// <summary>A token for what "u", "a", "n", "dt" or "tpc" say.</summary>
    public string Write(Dictionary<string, object?> subject, DateTimeOffset expires, int type)
    {
        var payload = new Dictionary<string, object?>();
        foreach (var name in new[] { "u", "a", "n", "dt" })
        {
            if (subject.TryGetValue(name, out var value) && value is not null)
            {
                payload[name] = value;
            }
        }
        payload["e"] = Unique(expires.ToUnixTimeMilliseconds());
        payload["t"] = type;
        if (subject.TryGetValue("tpc", out var topic))
        {
            payload["tpc"] = topic;
        }
        var token = Jwt.Sign(new { payload }, _key, Header);
        if (type == Access)
        {
            issued.Add(new IssuedToken(token, string.Create(CultureInfo.InvariantCulture, $"{subject.GetValueOrDefault("u")}"), expires));
        }
        return token;
    }

    /// <summary>The payload of a rightly signed token with "e" and "t" and a subject; null for all else.</summary>
    public JsonElement? Read(string token)
    {
        var payload = Jwt.Read(token, _key).Member("payload");
        return
            payload.Number("e") is not null
            && payload.Number("t") is Refresh or Access
            && (payload.Number("u") is not null || payload.Text("tpc") is not null)
            ? payload
            : null;
    }

    public bool IsExpired(JsonElement? payload) => payload.Number("e") <= options.Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>No token id is in these tokens; one millisecond more keeps two of one moment apart.</summary>
    private long Unique(long milliseconds)
    {
        while (true)
        {
            var last = Volatile.Read(ref _last);
            var next = Math.Abs(milliseconds - last) < 1000 ? last + 1 : milliseconds;
            if (Interlocked.CompareExchange(ref _last, next, last) == last)
            {
                return next;
            }
        }
    }
}
