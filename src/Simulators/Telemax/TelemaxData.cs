namespace Simulators;

/// <summary>Telemax's data routes: V2 in camelCase with ids in the path, V1 in PascalCase with POST and ids in the query.</summary>
internal sealed class TelemaxData(TimeProvider time, Func<Call, Answer?> admit)
{
    public void MapV2(Routes routes)
    {
        V2(routes, "GET", "/api/v2/companies", _ => Answer.Json(200, Page([Company()])));
        V2(routes, "GET", "/api/v2/companies/{id}/vehicles/last-position", call =>
            call.RouteId("id") == TelemaxSimulator.CompanyId
                ? Answer.Json(200, Page([.. TelemaxSimulator.Vehicles.Select(id => Position(id))]))
                : TelemaxErrors.InvalidScope(call)
        );
        V2(routes, "GET", "/api/v2/vehicles/{id}/last-position", call => OfVehicle(call, call.RouteId("id"), Position));
        V2(routes, "POST", "/api/v2/vehicles/list", List);
        V2(routes, "GET", "/api/v2/vehicles/{imei}/device-ids", DeviceIds);
        V2(routes, "PUT", "/api/v2/vehicles/{id}/position/refresh", call =>
            IsOurs(call.RouteId("id")) ? Answer.Json(200, new { accepted = true }) : TelemaxErrors.InvalidCredentials(call)
        );
        V2(routes, "GET", "/api/v2/replay/{id}", call =>
            call.Query("from") is null || call.Query("to") is null
                ? TelemaxErrors.Unprocessable(call, "from and to are required.")
                : OfVehicle(call, call.RouteId("id"), id => Page([Position(id)]))
        );
        V2(routes, "GET", "/api/v2/battery-health", _ => Answer.Json(
                200,
                TelemaxSimulator.Vehicles.Select(id => new
                {
                    deviceId = id,
                    voltage = 12.6,
                    health = "good",
                })
            ));
    }

    public void MapV1(Routes routes)
    {
        V1(routes, "/api/GetCompanies", _ => Answer.Json(200, new[] { new { Id = TelemaxSimulator.CompanyId, Name = "Acme" } }));
        V1(routes, "/api/GetLastPositionData", call =>
            Ids.Parse(call.Query("id")) is var id && IsOurs(id) ? Answer.Json(200, PositionV1(id)) : TelemaxErrors.CompanyDenied(call)
        );
        V1(routes, "/api/GetAllLastPositionData/{companyId}", call =>
            call.RouteId("companyId") == TelemaxSimulator.CompanyId
                ? Answer.Json(200, TelemaxSimulator.Vehicles.Select(id => PositionV1(id)))
                : TelemaxErrors.CompanyDenied(call)
        );
        V1(routes, "/api/UpdateLocation", call =>
            IsOurs(Ids.Parse(call.Query("id")))
                ? Answer.Json(200, new { result = "OK" })
                : Answer.Json(200, new { error = "Vehicle not found" })
        );
    }

    private void V2(Routes routes, string method, string path, Func<Call, Answer> work) =>
        routes.Data(method, path, call => (admit(call) ?? work(call)).With("X-API-Version", "2"));

    private void V1(Routes routes, string path, Func<Call, Answer> work) => routes.Data("POST", path, call => admit(call) ?? work(call));

    private static bool IsOurs(long vehicle) => TelemaxSimulator.Vehicles.Any(id => id == vehicle);

    /// <summary>The IMEI of a vehicle: 15 digits that end in its id.</summary>
    private static string Imei(long vehicle) => Ids.Write(350_000_000_000_000 + vehicle);

    private static Answer OfVehicle(Call call, long vehicle, Func<long, object> work) =>
        IsOurs(vehicle) ? Answer.Json(200, work(vehicle)) : TelemaxErrors.InvalidScope(call);

    private Answer List(Call call)
    {
        var ids = call.Json.Items("vehicleIds");
        if (ids is not { Count: >= 1 and <= 50 } || ids.Any(id => !id.TryGetInt64(out _)))
        {
            return TelemaxErrors.Unprocessable(call, "vehicleIds: 1 to 50 numbers.");
        }
        return ids.All(id => IsOurs(id.GetInt64()))
            ? Answer.Json(200, Page([.. ids.Select(id => Position(id.GetInt64()))]))
            : TelemaxErrors.InvalidScope(call);
    }

    /// <summary>The path holds an IMEI; the vendor answers 401 for one it does not show.</summary>
    private static Answer DeviceIds(Call call)
    {
        var found = TelemaxSimulator.Vehicles.Where(id => Imei(id) == call.Route("imei")).ToList();
        return found.Count == 0 ? TelemaxErrors.InvalidCredentials(call) : Answer.Json(200, new { deviceIds = found });
    }

    private static object Company() =>
        new
        {
            id = TelemaxSimulator.CompanyId,
            name = "Acme",
            timeZone = "Australia/Sydney",
            apiKey = TelemaxSimulator.ApiKey,
        };

    private object Position(long vehicle) =>
        new
        {
            deviceId = vehicle,
            vehicleName = $"Truck {vehicle}",
            imei = Imei(vehicle),
            position = new { latitude = -33.86, longitude = 151.2 },
            direction = 90,
            timestamp = time.GetUtcNow(),
        };

    private object PositionV1(long vehicle) =>
        new
        {
            DeviceId = vehicle,
            VehicleName = $"Truck {vehicle}",
            Latitude = -33.86,
            Longitude = 151.2,
            UserTimeFormated = time.GetUtcNow(),
            ConnectionStrengh = 5,
        };

    private static object Page(object[] items) =>
        new
        {
            items,
            totalResults = items.Length,
            lastResultIndex = items.Length,
            currentPage = 1,
            numberOfPages = 1,
        };
}
