using System.Globalization;
using System.Text;

namespace Simulators;

/// <summary>Telemax's four token endpoints: a form goes in, a JWT and a float of seconds come out.</summary>
internal sealed class TelemaxTokens(IssuedTokens issued, SimulatorOptions options)
{
    private const string User = "a1b2cd40-0000-4000-8000-000000000012";
    private const string KeyUser = "a1b2cd40-0000-4000-8000-0000000000aa";
    private static readonly byte[] Key = Encoding.UTF8.GetBytes("telemax-simulator-signing-key-0001");

    public void Map(Routes routes)
    {
        routes.Login("/api/authentication/token/user", LogInUser);
        routes.Login("/api/authentication/token/api-key", call => LogInKey(call, isV2: false));
        routes.Login("/api/v2/authentication/token/user", call => LogInUser(call).With("X-API-Version", "2"));
        routes.Login("/api/v2/authentication/token/api-key", call => LogInKey(call, isV2: true).With("X-API-Version", "2"));
    }

    private Answer LogInUser(Call call) =>
        !call.HasForm ? EmptyToken()
        : call.Field("UserName") == TelemaxSimulator.UserName && call.Field("Password") == TelemaxSimulator.Password ? Grant(User)
        : TelemaxErrors.InvalidCredentials(call);

    private Answer LogInKey(Call call, bool isV2)
    {
        if (!call.HasForm)
        {
            return EmptyToken();
        }
        var key = call.Field("apiKey") ?? "";
        if (key is TelemaxSimulator.ApiKey or TelemaxSimulator.LegacyApiKey)
        {
            return Grant(KeyUser);
        }
        return isV2 || Guid.TryParse(key, out _) ? TelemaxErrors.InvalidCredentials(call) : TelemaxErrors.UnknownKey(call);
    }

    /// <summary>What a body that is not a form gets: a 200 whose token is empty.</summary>
    private static Answer EmptyToken() => Write("", 0);

    private Answer Grant(string user)
    {
        var now = options.Time.GetUtcNow();
        var lifetime = options.TokenLifetime ?? TimeSpan.FromHours(24);
        var company = Ids.Write(TelemaxSimulator.CompanyId);
        var claims = new Dictionary<string, object>
        {
            ["CompanyId"] = company,
            ["UserId"] = user,
            ["TimeZone"] = "Australia/Sydney",
            ["nbf"] = now.ToUnixTimeSeconds(),
            ["exp"] = (now + lifetime).ToUnixTimeSeconds(),
            ["iat"] = now.ToUnixTimeSeconds(),
            ["iss"] = "https://localhost:7299",
            ["aud"] = "https://localhost:7299",

            // Not the vendor's: without it two logins in one second would be one token.
            ["jti"] = Guid.NewGuid().ToString(),
        };
        var token = Jwt.Sign(claims, Key);
        issued.Add(new IssuedToken(token, company, now + lifetime));

        // The vendor says 86399.0 of 24 hours.
        return Write(token, Math.Max(lifetime.TotalSeconds - 1, lifetime.TotalSeconds / 2)) with
        {
            Granted = true,
        };
    }

    private static Answer Write(string token, double expiresIn) =>
        Answer.Text(
            200,
            $$"""{"access_token":"{{token}}","token_type":"bearer","expires_in":{{expiresIn.ToString("0.0##", CultureInfo.InvariantCulture)}}}""",
            "application/json; charset=utf-8"
        );
}
