using System.Text.Json;

namespace Simulators;

/// <summary>DeviceHive's login, creation and refresh of user tokens; a created token may be wider than its creator's.</summary>
internal sealed class DeviceHiveTokens(DeviceHiveWorld world, DeviceHiveJwt jwt, DeviceHiveAccess access, TimeProvider time)
{
    private const int MaxBadPasswords = 10;

    public void Map(Routes routes, string path)
    {
        routes.Login(path + "/token", LogIn);
        routes.Token("POST", path + "/token/create", _ => TokenCall.Other, Create);
        routes.Refresh(path + "/token/refresh", Refresh);
    }

    /// <summary>A body without a type is JSON to DeviceHive.</summary>
    public static Answer? RefuseBody(Call call) =>
        call.ContentType is not (null or "application/json") ? DeviceHiveErrors.Make(415, "HTTP 415 Unsupported Media Type")
        : call.Json is { ValueKind: JsonValueKind.Object } ? null
        : DeviceHiveErrors.Malformed;

    private Answer LogIn(Call call)
    {
        if (RefuseBody(call) is { } refusal)
        {
            return refusal;
        }
        var login = call.Json.Text("login");
        var password = call.Json.Text("password");
        if (string.IsNullOrWhiteSpace(login) || string.IsNullOrWhiteSpace(password))
        {
            return DeviceHiveErrors.Make(400, "Invalid or empty authorization request parameters");
        }
        return world.FindLogin(login) switch
        {
            null => DeviceHiveErrors.Make(401, $"User with login = {login} not found or bad password"),
            { IsActive: false } => DeviceHiveErrors.Make(401, "User is locked or disabled"),
            var user when user.Password != password => CountBadPassword(user),
            var user => Grant(user),
        };
    }

    private Answer CountBadPassword(DeviceHiveUser user)
    {
        world.Change(user.Id, found =>
            found with
            {
                BadPasswords = found.BadPasswords + 1,
                Status = found.BadPasswords + 1 >= MaxBadPasswords ? DeviceHiveUser.LockedOut : found.Status,
            }
        );
        return DeviceHiveErrors.Make(401, "Invalid credentials");
    }

    private Answer Grant(DeviceHiveUser user)
    {
        Note(user.Id);
        var subject = new Dictionary<string, object?>
        {
            ["u"] = user.Id,
            ["a"] = user.IsAdmin ? [0] : DeviceHiveActions.Client,
            ["n"] = user.IsAdmin ? ["*"] : user.Networks.Select(Ids.Write).ToArray(),
            ["dt"] = user.IsAdmin || user.AllDeviceTypes ? ["*"] : user.DeviceTypes.Select(Ids.Write).ToArray(),
        };
        return Answer.Json(201, jwt.Pair(subject, jwt.AccessExpiry, jwt.RefreshExpiry)) with { Granted = true };
    }

    private void Note(long user) =>
        world.Change(user, found => found with { BadPasswords = 0, LastLogin = DeviceHiveDates.Write(time.GetUtcNow()) });

    /// <summary>Nothing is compared with what the caller holds: that is the vendor's flaw.</summary>
    private Answer Create(Call call)
    {
        if ((access.Refuse(call, DeviceHiveAction.ManageToken, out _) ?? RefuseBody(call)) is { } refusal)
        {
            return refusal;
        }
        if (call.Json.Number("userId") is not { } id || !world.Users.TryGetValue(id, out var user))
        {
            return DeviceHiveErrors.Make(404, $"User with id = {call.Json.Number("userId")} not found");
        }
        if (!user.IsActive)
        {
            return DeviceHiveErrors.Make(403, "User is locked or disabled");
        }
        if (DeviceHiveActions.ToClaim(call.Json.Items("actions")) is not { } actions)
        {
            return DeviceHiveErrors.Make(400, "Actions list should contain only Strings or Integers");
        }
        var subject = new Dictionary<string, object?>
        {
            ["u"] = id,
            ["a"] = actions,
            ["n"] = call.Json.Items("networkIds")?.Select(item => item.ToString()).ToArray(),
            ["dt"] = call.Json.Items("deviceTypeIds")?.Select(item => item.ToString()).ToArray(),
        };
        var expiration = DeviceHiveDates.Read(call.Json.Member("expiration"));
        var refreshExpiration = DeviceHiveDates.Read(call.Json.Member("refreshExpiration")) ?? expiration;
        return Answer.Json(201, jwt.Pair(subject, expiration ?? jwt.AccessExpiry, refreshExpiration ?? jwt.RefreshExpiry));
    }

    private Answer Refresh(Call call)
    {
        if (RefuseBody(call) is { } refusal)
        {
            return refusal;
        }
        if (jwt.Read(call.Json.Text("refreshToken") ?? "") is not { } found)
        {
            return Answer.Empty(401);
        }
        JsonElement? payload = found;
        if (payload.Number("t") != DeviceHiveJwt.Refresh)
        {
            return DeviceHiveErrors.Make(401, "Invalid token type");
        }
        if (jwt.IsExpired(payload))
        {
            return DeviceHiveErrors.Make(401, "Token has expired");
        }
        if (payload.Text("tpc") is { } topic)
        {
            if (!world.PluginTopics.ContainsKey(topic))
            {
                return DeviceHiveErrors.Make(401, "Plugin is not found");
            }
        }
        else if (!world.Users.TryGetValue(payload.Number("u")!.Value, out var user) || !user.IsActive)
        {
            return Answer.Empty(401);
        }
        else
        {
            Note(user.Id);
        }
        var subject = found.EnumerateObject().ToDictionary(member => member.Name, member => (object?)member.Value);
        return Answer.Json(201, new { accessToken = jwt.Write(subject, jwt.AccessExpiry, DeviceHiveJwt.Access) }) with { Granted = true };
    }
}
