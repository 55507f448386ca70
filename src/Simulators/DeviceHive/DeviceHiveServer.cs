namespace Simulators;

/// <summary>DeviceHive's routes about itself: what it is, and its configuration.</summary>
internal sealed class DeviceHiveServer(DeviceHiveWorld world, TimeProvider time)
{
    public void Map(DeviceHiveRoutes routes)
    {
        routes.Free("GET", "/info", call =>
        {
            var host = call.Context.Request.Host;
            return Answer.Json(
                200,
                new
                {
                    apiVersion = "4.0.0",
                    serverTimestamp = DeviceHiveDates.Write(time.GetUtcNow()),
                    webSocketServerUrl = $"ws://{host}/api/websocket",
                    restServerUrl = $"{call.Context.Request.Scheme}://{host}/api/rest",
                }
            );
        });
        routes.Free("GET", "/info/cache", _ => Answer.Json(200, new { serverTimestamp = DeviceHiveDates.Write(time.GetUtcNow()) }));

        // The vendor tells this to anyone: that is its flaw.
        routes.Free("GET", "/info/config/cluster", _ =>
            Answer.Json(
                200,
                new Dictionary<string, string> { ["bootstrap.servers"] = "kafka:9092", ["zookeeper.connect"] = "zookeeper:2181" }
            )
        );

        const string pattern = "/configuration/{name}";
        routes.Guarded("GET", pattern, DeviceHiveAction.ManageConfiguration, (call, _) =>
            world.Configuration.TryGetValue(call.Route("name"), out var value) ? Answer.Json(200, Entry(call, value)) : NotFound(call)
        );
        routes.Guarded("PUT", pattern, DeviceHiveAction.ManageConfiguration, (call, _) =>
        {
            if (call.Json.Text("value") is not { } value)
            {
                return DeviceHiveErrors.Make(400, "value is empty");
            }
            world.Configuration[call.Route("name")] = value;
            return Answer.Json(200, Entry(call, value));
        });
        routes.Guarded("DELETE", pattern, DeviceHiveAction.ManageConfiguration, (call, _) =>
            world.Configuration.TryRemove(call.Route("name"), out string? _) ? Answer.Empty(204) : NotFound(call)
        );
    }

    private static object Entry(Call call, string value) =>
        new
        {
            name = call.Route("name"),
            value,
            entityVersion = 0,
        };

    private static Answer NotFound(Call call) => DeviceHiveErrors.Make(404, $"Configuration with name = {call.Route("name")} not found");
}
