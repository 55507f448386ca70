using System.Globalization;

namespace Simulators;

/// <summary>DeviceHive's routes for commands and notifications, which differ in little but their names.</summary>
internal sealed class DeviceHiveMessages(DeviceHiveWorld world, DeviceHivePolling polling, TimeProvider time)
{
    public void Map(DeviceHiveRoutes routes)
    {
        MapReads(routes, "command", world.Commands, DeviceHiveAction.GetDeviceCommand, Command);
        MapReads(routes, "notification", world.Notifications, DeviceHiveAction.GetDeviceNotification, Notification);
        routes.OnDevice("POST", "/device/{deviceId}/command", DeviceHiveAction.CreateDeviceCommand, (call, principal, device) =>
            Post(call, principal, device, "command", world.Commands, Command)
        );
        routes.OnDevice("POST", "/device/{deviceId}/notification", DeviceHiveAction.CreateDeviceNotification, (call, principal, device) =>
            call.Json.Text("notification") is "$device-add" or "$device-update"
                ? DeviceHiveErrors.Denied
                : Post(call, principal, device, "notification", world.Notifications, Notification)
        );
        routes.OnDevice("PUT", "/device/{deviceId}/command/{id}", DeviceHiveAction.UpdateDeviceCommand, (call, _, device) =>
            Update(call, device)
        );
        routes.OnDevice("GET", "/device/{deviceId}/command/{id}/poll", DeviceHiveAction.GetDeviceCommand, async (call, _, device) =>
            world.Commands.Find(device.Id, call.RouteId("id")) is null ? NotFound(call, "Command")
            : await polling.WaitForStatusAsync(call, world.Commands, call.RouteId("id")) is { } done ? Answer.Json(200, Command(done))
            : Answer.Empty(204)
        );
    }

    private void MapReads(
        DeviceHiveRoutes routes,
        string word,
        DeviceHiveMessageLog log,
        DeviceHiveAction action,
        Func<DeviceHiveMessage, object> document
    )
    {
        routes.Guarded("GET", $"/device/{word}/poll", action, async (call, principal) =>
        {
            var (refusal, wanted) = polling.ReadFilter(call, principal);
            return refusal ?? Answer.Json(200, (await polling.WaitAsync(call, log, wanted)).Select(document));
        });
        routes.OnDevice("GET", $"/device/{{deviceId}}/{word}/poll", action, async (call, _, device) =>
            Answer.Json(200, (await polling.WaitAsync(call, log, message => message.Device.Id == device.Id)).Select(document))
        );
        routes.OnDevice("GET", $"/device/{{deviceId}}/{word}", action, (call, _, device) =>
            Answer.Json(200, List(call, log.Read(message => message.Device.Id == device.Id).Messages, word).Select(document))
        );
        routes.OnDevice("GET", $"/device/{{deviceId}}/{word}/{{id}}", action, (call, _, device) =>
            log.Find(device.Id, call.RouteId("id")) is { } message
                ? Answer.Json(200, document(message))
                : NotFound(call, char.ToUpperInvariant(word[0]) + word[1..])
        );
    }

    private static IEnumerable<DeviceHiveMessage> List(Call call, IReadOnlyList<DeviceHiveMessage> messages, string word)
    {
        var start = DeviceHiveDates.Parse(call.Query("start"));
        var end = DeviceHiveDates.Parse(call.Query("end"));
        var take = int.TryParse(call.Query("take"), CultureInfo.InvariantCulture, out var asked) ? asked : 100;
        return messages
            .Where(message =>
                !(message.Timestamp < start) && !(message.Timestamp > end) && (call.Query(word) is not { } name || message.Name == name)
            )
            .Take(take);
    }

    private Answer Post(
        Call call,
        DeviceHivePrincipal principal,
        DeviceHiveDevice device,
        string word,
        DeviceHiveMessageLog log,
        Func<DeviceHiveMessage, object> document
    )
    {
        if (DeviceHiveTokens.RefuseBody(call) is { } refusal)
        {
            return refusal;
        }
        if (call.Json.Text(word) is not { Length: > 0 } name)
        {
            return DeviceHiveErrors.Make(400, $"{word} is empty");
        }
        var sent = DeviceHiveDates.Parse(call.Json.Text("timestamp")) ?? time.GetUtcNow();
        var message = new DeviceHiveMessage(world.NextId(), device, name, sent, call.Json.Member("parameters"))
        {
            UserId = principal.User?.Id,
            Status = call.Json.Text("status"),
            Result = call.Json.Member("result"),
        };
        log.Put(message);
        return Answer.Json(201, document(message));
    }

    private Answer Update(Call call, DeviceHiveDevice device)
    {
        if (DeviceHiveTokens.RefuseBody(call) is { } refusal)
        {
            return refusal;
        }
        if (world.Commands.Find(device.Id, call.RouteId("id")) is not { } command)
        {
            return NotFound(call, "Command");
        }
        world.Commands.Put(
            command with
            {
                Status = call.Json.Text("status") ?? command.Status,
                Result = call.Json.Member("result") ?? command.Result,
            }
        );
        return Answer.Empty(204);
    }

    private static Answer NotFound(Call call, string what) => DeviceHiveErrors.Make(404, $"{what} with id = {call.Route("id")} not found");

    private static object Command(DeviceHiveMessage message) =>
        new
        {
            id = message.Id,
            command = message.Name,
            timestamp = DeviceHiveDates.Write(message.Timestamp),
            userId = message.UserId,
            deviceId = message.Device.Id,
            networkId = message.Device.NetworkId,
            deviceTypeId = message.Device.DeviceTypeId,
            parameters = message.Parameters,
            status = message.Status,
            result = message.Result,
        };

    private static object Notification(DeviceHiveMessage message) =>
        new
        {
            id = message.Id,
            notification = message.Name,
            timestamp = DeviceHiveDates.Write(message.Timestamp),
            deviceId = message.Device.Id,
            networkId = message.Device.NetworkId,
            deviceTypeId = message.Device.DeviceTypeId,
            parameters = message.Parameters,
        };
}
