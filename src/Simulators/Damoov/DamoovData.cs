namespace Simulators;

/// <summary>Damoov's data routes: a user's own by the user's token, anyone's by the administrator's.</summary>
internal sealed class DamoovData(DamoovUsers users, Func<Call, string, (Answer? Refusal, string Owner)> admit)
{
    private const StringComparison AnyCase = StringComparison.OrdinalIgnoreCase;

    public void Map(Routes routes)
    {
        ForUser(routes, "POST", "/trips/get/v1", user => new { user.Trips });
        ForUser(routes, "GET", "/indicators/v3/Statistics", user => user.Statistics);
        ForUser(routes, "GET", "/v1/Management/users", user => user.Profile);
        ForAdmin(routes, "POST", "/trips/get/admin/v1", call =>
            OfUser(call.Json.Member("Identifiers", AnyCase).Text("UserId", AnyCase), "Identifiers.UserId", user => new { user.Trips })
        );
        ForAdmin(routes, "GET", "/indicators/admin/v3/Statistics", call => OfUser(call.Query("UserId"), "UserId", user => user.Statistics));
        ForAdmin(routes, "GET", "/v1/Management/users/find", Find);
        ForAdmin(routes, "PUT", "/v1/Management/users", Change);
        ForAdmin(routes, "DELETE", "/v1/Management/users/{deviceToken}", call =>
            users.Remove(call.Route("deviceToken")) ? DamoovEnvelope.Ok(null) : DamoovEnvelope.Refuse(404, "Not Found")
        );
        MapAccounts(routes);
    }

    /// <summary>The accounts host: what is missing, or another company's, is a 200 without a result.</summary>
    private void MapAccounts(Routes routes)
    {
        var instance = new
        {
            DamoovSimulator.InstanceId,
            Name = "main",
            Key = DamoovSimulator.InstanceKey,
        };
        var application = new
        {
            DamoovSimulator.ApplicationId,
            Name = "fleet",
            Instances = new[] { instance },
        };
        ForAdmin(routes, "GET", "/v1/companies/{companyId}/applications", call =>
            DamoovEnvelope.Ok(call.RouteId("companyId") == DamoovSimulator.CompanyId ? new[] { application } : null)
        );
        ForAdmin(routes, "GET", "/v1/companies/{companyId}/applications/{applicationId}", call =>
            DamoovEnvelope.Ok(
                call.RouteId("companyId") == DamoovSimulator.CompanyId && call.RouteId("applicationId") == DamoovSimulator.ApplicationId
                    ? application
                    : null
            )
        );
        ForAdmin(routes, "GET", "/v1/Applications/{applicationId}", call =>
            DamoovEnvelope.Ok(call.RouteId("applicationId") == DamoovSimulator.ApplicationId ? application : null)
        );
        ForAdmin(routes, "GET", "/v1/applications/{applicationId}/instances", call =>
            DamoovEnvelope.Ok(call.RouteId("applicationId") == DamoovSimulator.ApplicationId ? new[] { instance } : null)
        );
        ForAdmin(routes, "GET", "/v1/Instances/{instanceId}", call =>
            DamoovEnvelope.Ok(string.Equals(call.Route("instanceId"), DamoovSimulator.InstanceId, AnyCase) ? instance : null)
        );
    }

    private void ForUser(Routes routes, string method, string path, Func<DamoovUser, object> work) => routes.Data(method, path, call =>
        {
            var (refusal, owner) = admit(call, DamoovSimulator.UserRole);
            return refusal ?? (users.Find(owner) is { } user ? DamoovEnvelope.Ok(work(user)) : DamoovEnvelope.Unauthorized);
        });

    private void ForAdmin(Routes routes, string method, string path, Func<Call, Answer> work) =>
        routes.Data(method, path, call => admit(call, DamoovSimulator.AdminRole).Refusal ?? work(call));

    private Answer OfUser(string? deviceToken, string field, Func<DamoovUser, object> work) =>
        deviceToken is null ? DamoovEnvelope.Invalid(field, "The field is required.")
        : users.Find(deviceToken) is { } user ? DamoovEnvelope.Ok(work(user))
        : DamoovEnvelope.Refuse(404, "Not Found");

    private Answer Find(Call call) =>
        DamoovEnvelope.Ok(
            users
                .All.Where(user =>
                    Matches(call.Query("DeviceToken"), user.DeviceToken)
                    && Matches(call.Query("Email"), user.Email)
                    && Matches(call.Query("FirstName"), user.FirstName)
                )
                .Select(user => user.Profile)
        );

    private static bool Matches(string? wanted, string value) => wanted is null || string.Equals(wanted, value, AnyCase);

    /// <summary>Whose profile it is stands in a header.</summary>
    private Answer Change(Call call) => OfUser(call.Header("UserDeviceToken"), "UserDeviceToken", user =>
        {
            users.Change(user, call.Json);
            return users.Find(user.DeviceToken)?.Profile ?? user.Profile;
        });
}
