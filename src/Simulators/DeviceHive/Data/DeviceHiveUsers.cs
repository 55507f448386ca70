namespace Simulators;

/// <summary>DeviceHive's routes for users.</summary>
internal sealed class DeviceHiveUsers(DeviceHiveWorld world)
{
    public void Map(DeviceHiveRoutes routes)
    {
        routes.Guarded("GET", "/user/current", DeviceHiveAction.GetCurrentUser, (_, principal) =>
            principal.User is { } user ? Answer.Json(200, Current(user)) : DeviceHiveErrors.Denied
        );
        routes.Guarded("PUT", "/user/current", DeviceHiveAction.UpdateCurrentUser, (call, principal) =>
            principal.User is { } user ? Change(call, principal, user.Id) : DeviceHiveErrors.Denied
        );
        routes.Guarded("GET", "/user", DeviceHiveAction.ManageUser, (_, _) =>
            Answer.Json(200, world.Users.Values.OrderBy(user => user.Id).Select(user => user.Document))
        );
        routes.Guarded("GET", "/user/count", DeviceHiveAction.ManageUser, (_, _) => Answer.Json(200, new { count = world.Users.Count }));
        routes.Guarded("POST", "/user", DeviceHiveAction.ManageUser, (call, _) => Create(call));
        routes.Guarded("GET", "/user/{id}", DeviceHiveAction.ManageUser, (call, principal) =>
            !principal.IsAdmin && principal.User?.Id != call.RouteId("id")
                ? DeviceHiveErrors.Denied
                : OfUser(call, user => Answer.Json(200, Current(user)))
        );
        routes.Guarded("PUT", "/user/{id}", DeviceHiveAction.ManageUser, (call, principal) =>
            OfUser(call, user => Change(call, principal, user.Id))
        );
        routes.Guarded("DELETE", "/user/{id}", DeviceHiveAction.ManageUser, (call, principal) =>
            principal.User?.Id == call.RouteId("id") ? DeviceHiveErrors.Denied : OfUser(call, Delete)
        );
        MapNetworks(routes);
    }

    /// <summary>Nobody checks whose user it is: that is the vendor's flaw.</summary>
    private void MapNetworks(DeviceHiveRoutes routes)
    {
        const string pattern = "/user/{id}/network/{networkId}";
        routes.Guarded("GET", pattern, DeviceHiveAction.GetNetwork, (call, _) =>
            OfUser(call, user =>
                user.Networks.Contains(call.RouteId("networkId")) && world.Networks.TryGetValue(call.RouteId("networkId"), out var network)
                    ? Answer.Json(200, new { network = network.Document })
                    : DeviceHiveErrors.Make(404, $"Network with id = {call.Route("networkId")} not found")
            )
        );
        routes.Guarded("PUT", pattern, DeviceHiveAction.ManageNetwork, (call, _) => OfUser(call, user =>
            {
                world.Change(user.Id, found => found with { Networks = found.Networks.Add(call.RouteId("networkId")) });
                return Answer.Empty(204);
            }));
        routes.Guarded("DELETE", pattern, DeviceHiveAction.ManageNetwork, (call, _) => OfUser(call, user =>
            {
                world.Change(user.Id, found => found with { Networks = found.Networks.Remove(call.RouteId("networkId")) });
                return Answer.Empty(204);
            }));
    }

    private Answer OfUser(Call call, Func<DeviceHiveUser, Answer> work) =>
        world.Users.TryGetValue(call.RouteId("id"), out var user)
            ? work(user)
            : DeviceHiveErrors.Make(404, $"User with id = {call.Route("id")} not found");

    private Answer Create(Call call)
    {
        if (call.Json.Text("login") is not { Length: > 0 } login || call.Json.Text("password") is not { Length: > 0 } password)
        {
            return DeviceHiveErrors.Make(400, "Login and password are required");
        }
        if (world.FindLogin(login) is not null)
        {
            return DeviceHiveErrors.Make(403, "User with such login already exists. Please, select another one");
        }
        var user = new DeviceHiveUser(world.NextId(), login, password, (int)(call.Json.Number("role") ?? 1));
        world.Users[user.Id] = user;
        return Answer.Json(201, user.Document);
    }

    /// <summary>A client may not change who or what a user is, but may change any user's password: that is the vendor's flaw.</summary>
    private Answer Change(Call call, DeviceHivePrincipal principal, long id)
    {
        var json = call.Json;
        if (!principal.IsAdmin && (json.Member("login") ?? json.Member("status") ?? json.Member("role")) is not null)
        {
            return DeviceHiveErrors.Make(403, "Admin permissions required for this action");
        }
        world.Change(id, user =>
            user with
            {
                Login = json.Text("login") ?? user.Login,
                Password = json.Text("password") ?? user.Password,
                Role = (int)(json.Number("role") ?? user.Role),
                Status = (int)(json.Number("status") ?? user.Status),
            }
        );
        return Answer.Empty(204);
    }

    private Answer Delete(DeviceHiveUser user)
    {
        world.Users.TryRemove(user.Id, out _);
        return Answer.Empty(204);
    }

    private object Current(DeviceHiveUser user) =>
        new
        {
            id = user.Id,
            login = user.Login,
            role = user.Role,
            status = user.Status,
            lastLogin = user.LastLogin,
            data = (object?)null,
            introReviewed = false,
            networks = user.Networks.Where(world.Networks.ContainsKey).Select(id => world.Networks[id].Document),
        };
}
