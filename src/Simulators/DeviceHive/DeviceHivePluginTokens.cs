using System.Text.Json;

namespace Simulators;

/// <summary>DeviceHive's creation and authentication of plugin tokens.</summary>
internal sealed class DeviceHivePluginTokens(DeviceHiveWorld world, DeviceHiveJwt jwt, DeviceHiveAccess access, TimeProvider time)
{
    private static readonly int[] PluginActions = [(int)DeviceHiveAction.ManagePlugin];

    public void Map(Routes routes, string path)
    {
        routes.Token("POST", path + "/token/plugin/create", _ => TokenCall.Other, Create);
        routes.Token("GET", path + "/token/plugin/authenticate", _ => TokenCall.Other, Authenticate);
    }

    private Answer Create(Call call)
    {
        if (access.Refuse(call, DeviceHiveAction.ManagePlugin, out var principal) is { } refusal)
        {
            return refusal;
        }
        if (principal.User is not { } user)
        {
            return DeviceHiveErrors.Make(409, "No user");
        }
        var topic = call.Json.Text("tpc");
        var creator = topic is not null && world.PluginTopics.TryGetValue(topic, out var id) ? id : -1;
        if (topic is null || (topic == "*" ? !user.IsAdmin : creator < 0))
        {
            return DeviceHiveErrors.Make(403, "No permisions or invalid topic name");
        }
        if (topic != "*" && creator != user.Id)
        {
            return DeviceHiveErrors.Make(403, $"User with id {user.Id} is not a plugin creator");
        }
        var actions = call.Json.Items("a")?.Select(item => item.TryGetInt32(out var action) ? action : -1).ToArray();
        var subject = new Dictionary<string, object?> { ["a"] = actions ?? PluginActions, ["tpc"] = topic };
        var expires = DeviceHiveDates.Read(call.Json.Member("e"));
        return Answer.Json(201, jwt.Pair(subject, expires ?? jwt.AccessExpiry, expires ?? jwt.RefreshExpiry));
    }

    /// <summary>The token stands in the query.</summary>
    private Answer Authenticate(Call call)
    {
        if (call.Query("token") is not { Length: > 0 } token)
        {
            return DeviceHiveErrors.Make(401, "Token is empty");
        }
        JsonElement? payload = jwt.Read(token);
        if (payload.Text("tpc") is not { } topic)
        {
            return DeviceHiveErrors.Make(401, "Token is not valid");
        }
        if (payload.Number("t") != DeviceHiveJwt.Access)
        {
            return DeviceHiveErrors.Make(401, "Invalid token type");
        }
        var expires = DateTimeOffset.FromUnixTimeMilliseconds(payload.Number("e")!.Value);
        if (expires <= time.GetUtcNow())
        {
            return DeviceHiveErrors.Make(401, "Token has expired");
        }
        return topic == "*" || world.PluginTopics.ContainsKey(topic)
            ? Answer.Json(
                200,
                new
                {
                    a = payload.Member("a"),
                    e = DeviceHiveDates.Write(expires),
                    t = DeviceHiveJwt.Access,
                    tpc = topic,
                }
            )
            : DeviceHiveErrors.Make(401, "Plugin is not found");
    }
}
