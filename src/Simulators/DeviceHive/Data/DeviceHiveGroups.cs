using System.Collections.Concurrent;
using System.Collections.Frozen;

namespace Simulators;

/// <summary>DeviceHive's routes for networks and device types, which differ in little but their names.</summary>
internal sealed class DeviceHiveGroups(DeviceHiveWorld world)
{
    public void Map(DeviceHiveRoutes routes)
    {
        Map(routes, "network", world.Networks, DeviceHiveAction.GetNetwork, DeviceHiveAction.ManageNetwork, principal =>
            principal.Networks
        );
        Map(routes, "devicetype", world.DeviceTypes, DeviceHiveAction.GetDeviceType, DeviceHiveAction.ManageDeviceType, principal =>
            principal.DeviceTypes
        );
    }

    private void Map(
        DeviceHiveRoutes routes,
        string word,
        ConcurrentDictionary<long, DeviceHiveGroup> groups,
        DeviceHiveAction read,
        DeviceHiveAction manage,
        Func<DeviceHivePrincipal, FrozenSet<long>?> held
    )
    {
        bool Sees(DeviceHivePrincipal principal, long id) =>
            (held(principal)?.Contains(id) ?? true)
            && (word != "network" || principal.IsAdmin || (principal.User?.Networks.Contains(id) ?? false));

        routes.Guarded("GET", $"/{word}", read, (_, principal) =>
            Answer.Json(
                200,
                groups.Values.Where(group => Sees(principal, group.Id)).OrderBy(group => group.Id).Select(group => group.Document)
            )
        );
        routes.Guarded("GET", $"/{word}/count", read, (_, principal) =>
            Answer.Json(
                200,
                new
                {
                    count = groups.Keys.Count(id =>
                        word == "network" && !principal.HasNetworkClaim ? CountsAll(principal, id) : Sees(principal, id)
                    ),
                }
            )
        );
        routes.Guarded("GET", $"/{word}/{{id}}", read, (call, principal) => call.RouteId("id") is var id
            && !(held(principal)?.Contains(id) ?? true)
                ? DeviceHiveErrors.Denied
            : groups.TryGetValue(id, out var group) && Sees(principal, id) ? Answer.Json(200, WithDevices(group, word, principal))
            : NotFound(word, id));
        routes.Guarded("POST", $"/{word}", manage, (call, _) => Create(call, groups));
        routes.Guarded("PUT", $"/{word}/{{id}}", manage, (call, principal) =>
            Change(call, word, groups, held(principal), group =>
                groups[group.Id] = group with
                {
                    Name = call.Json.Text("name") ?? group.Name,
                    Description = call.Json.Text("description") ?? group.Description,
                }
            )
        );
        routes.Guarded("DELETE", $"/{word}/{{id}}", manage, (call, principal) =>
            Change(call, word, groups, held(principal), group => groups.TryRemove(group.Id, out DeviceHiveGroup? _))
        );
    }

    /// <summary>A token without the claim "n" counts all networks of its user: that is the vendor's flaw.</summary>
    private static bool CountsAll(DeviceHivePrincipal principal, long id) =>
        principal.IsAdmin || (principal.User?.Networks.Contains(id) ?? false);

    private Answer Create(Call call, ConcurrentDictionary<long, DeviceHiveGroup> groups)
    {
        if (call.Json.Text("name") is not { Length: > 0 } name)
        {
            return DeviceHiveErrors.Make(400, "name is empty");
        }
        var group = new DeviceHiveGroup(world.NextId(), name, call.Json.Text("description"));
        groups[group.Id] = group;
        return Answer.Json(201, group.Document);
    }

    private static Answer Change(
        Call call,
        string word,
        ConcurrentDictionary<long, DeviceHiveGroup> groups,
        FrozenSet<long>? held,
        Action<DeviceHiveGroup> change
    )
    {
        var id = call.RouteId("id");
        if (held is not null && !held.Contains(id))
        {
            return DeviceHiveErrors.Denied;
        }
        if (!groups.TryGetValue(id, out var group))
        {
            return NotFound(word, id);
        }
        change(group);
        return Answer.Empty(204);
    }

    private object WithDevices(DeviceHiveGroup group, string word, DeviceHivePrincipal principal)
    {
        var devices = world.Devices.Values.Where(device =>
            (word == "network" ? device.NetworkId : device.DeviceTypeId) == group.Id && principal.Owns(device) && principal.Holds(device)
        );
        return new
        {
            id = group.Id,
            name = group.Name,
            description = group.Description,
            devices = devices.Select(device => device.Document),
        };
    }

    private static Answer NotFound(string word, long id) =>
        DeviceHiveErrors.Make(404, $"{(word == "network" ? "Network" : "DeviceType")} with id = {id} not found");
}
