using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Simulators;

/// <summary>Damoov's login and refresh, with the lock-out of an address that logs in too often.</summary>
internal sealed class DamoovTokens(IssuedTokens issued, DamoovSessions sessions, DamoovUsers users, SimulatorOptions options)
{
    private const StringComparison AnyCase = StringComparison.OrdinalIgnoreCase;
    private static readonly byte[] Key = Encoding.UTF8.GetBytes("damoov-simulator-signing-key-00001");

    private readonly Lock _gate = new();
    private readonly RequestWindow _logins = new(options.Time, options.MaxLogins ?? 5, options.LoginWindow ?? TimeSpan.FromMinutes(1));
    private DateTimeOffset _lockedUntil;

    public void Map(Routes routes)
    {
        routes.Login("/v1/Auth/Login", call => Send(IsLockedOut() ? DamoovEnvelope.Refuse(429, "Too Many Requests") : LogIn(call)));
        routes.Refresh("/v1/Auth/RefreshToken", call => Send(Refresh(call)));
        routes.Refresh("/v1/RefreshToken", call => Send(Refresh(call)));
    }

    public TimeSpan LifetimeOr(TimeSpan vendors) => options.TokenLifetime ?? vendors;

    /// <summary>The answer to whoever has proved to be the owner; it ends the owner's other pair.</summary>
    public object Start(string owner, string role, TimeSpan lifetime) =>
        Result(owner, role, sessions.Start(owner, role, refresh => Issue(owner, role, refresh, lifetime)), lifetime);

    /// <summary>Only an address's count decides, not whether its logins were right; all come from this machine.</summary>
    private bool IsLockedOut()
    {
        lock (_gate)
        {
            var now = options.Time.GetUtcNow();
            if (now < _lockedUntil)
            {
                return true;
            }
            if (_logins.Take().Taken)
            {
                return false;
            }
            _lockedUntil = now + (options.Lockout ?? TimeSpan.FromHours(1));
            return true;
        }
    }

    private Answer LogIn(Call call)
    {
        if (!call.HasDamoovJson())
        {
            return DamoovEnvelope.Refuse(415, "Unsupported Media Type");
        }
        var password = call.Json.Text("Password", AnyCase);
        var (deviceToken, email) = ReadLoginFields(call.Json.Member("LoginFields", AnyCase));
        var lifetime = LifetimeOr(TimeSpan.FromDays(1));
        if (email == DamoovSimulator.AdminEmail && password == DamoovSimulator.AdminPassword)
        {
            return DamoovEnvelope.Ok(Start(email, DamoovSimulator.AdminRole, lifetime)) with { Granted = true };
        }
        var isUser =
            users.Find(deviceToken) is not null
            && string.Equals(call.Header("InstanceId"), DamoovSimulator.InstanceId, AnyCase)
            && password == DamoovSimulator.InstanceKey;
        return isUser
            ? DamoovEnvelope.Ok(Start(deviceToken!, DamoovSimulator.UserRole, lifetime)) with
            {
                Granted = true,
            }
            : DamoovEnvelope.Unauthorized;
    }

    /// <summary>
    /// JSON in a string, whose key is exactly "Devicetoken" or "email"; or an object, as the vendor's Android library sends it.
    /// </summary>
    private static (string? DeviceToken, string? Email) ReadLoginFields(JsonElement? fields)
    {
        if (fields is { ValueKind: JsonValueKind.Object })
        {
            return (fields.Text("DeviceToken", AnyCase), fields.Text("email", AnyCase));
        }
        try
        {
            JsonElement? inner = JsonElement.Parse(fields is { ValueKind: JsonValueKind.String } text ? text.GetString()! : "null");
            return (inner.Text("Devicetoken"), inner.Text("email"));
        }
        catch (JsonException)
        {
            return (null, null);
        }
    }

    private Answer Refresh(Call call)
    {
        if (!call.HasDamoovJson())
        {
            return DamoovEnvelope.Refuse(415, "Unsupported Media Type");
        }
        var access = call.Json.Text("AccessToken", AnyCase);
        var refresh = call.Json.Text("RefreshToken", AnyCase);
        if (access is null || refresh is null)
        {
            return DamoovEnvelope.Invalid(access is null ? "AccessToken" : "RefreshToken", "The field is required.");
        }
        var lifetime = LifetimeOr(TimeSpan.FromDays(1));
        var (_, token) = issued.Find(access);
        var pair = sessions.Continue(access, refresh, (owner, role, next) => Issue(owner, role, next, lifetime));
        return pair is null || token is null
            ? DamoovEnvelope.Refuse(options.RefreshRefusal, "Invalid refresh token")
            : DamoovEnvelope.Ok(Result(token.Owner, token.Role, pair, lifetime)) with
            {
                Granted = true,
            };
    }

    private Answer Send(Answer answer) => options.StatusInBody ? answer with { Status = 200 } : answer;

    private static Dictionary<string, object> Result(string owner, string role, DamoovPair pair, TimeSpan lifetime)
    {
        var result = new Dictionary<string, object>
        {
            ["AccessToken"] = new { Token = pair.AccessToken, ExpiresIn = (long)lifetime.TotalSeconds },
            ["RefreshToken"] = pair.RefreshToken,
        };
        if (role == DamoovSimulator.UserRole)
        {
            result["DeviceToken"] = owner;
        }
        return result;
    }

    /// <summary>The JWT of 2019's sample: the instance key and the refresh token stand in it for all to read.</summary>
    private string Issue(string owner, string role, string refreshToken, TimeSpan lifetime)
    {
        var now = options.Time.GetUtcNow();
        var claims = new Dictionary<string, object>
        {
            ["sub"] = owner,
            ["jti"] = Guid.NewGuid().ToString(),
            ["iat"] = now.ToUnixTimeSeconds(),
            ["ApplicationId"] = Ids.Write(DamoovSimulator.ApplicationId),
            ["SdkEnableLogging"] = "False",
            ["SdkEnableTracking"] = "True",
            ["SdkEnableRealTimeLocation"] = "False",
            ["SdkClientId"] = "",
            ["InstanceId"] = DamoovSimulator.InstanceId,
            ["InstanceKey"] = DamoovSimulator.InstanceKey,
            ["DeviceToken"] = role == DamoovSimulator.UserRole ? owner : "",
            ["CompanyId"] = Ids.Write(DamoovSimulator.CompanyId),
            ["RefreshTokenExpiredDate"] = (now + TimeSpan.FromDays(90)).ToString("d.MM.yyyy H:mm:ss", CultureInfo.InvariantCulture),
            ["RefreshToken"] = refreshToken,
            ["exp"] = (now + lifetime).ToUnixTimeSeconds(),
        };
        return issued.Add(new IssuedToken(Jwt.Sign(claims, Key), owner, now + lifetime) { Role = role }).Value;
    }
}
