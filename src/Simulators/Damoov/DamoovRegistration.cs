namespace Simulators;

/// <summary>Damoov's registration of users, by the instance's id and secret.</summary>
internal sealed class DamoovRegistration(DamoovUsers users, DamoovTokens tokens)
{
    private const StringComparison AnyCase = StringComparison.OrdinalIgnoreCase;

    public void Map(Routes routes) => routes.Token("POST", "/v1/Registration/Create", _ => TokenCall.Other, Create);

    private Answer Create(Call call)
    {
        if (call.Header("InstanceId") is not { } id)
        {
            return DamoovEnvelope.Invalid("InstanceId", "The header is required.");
        }
        if (call.Header("InstanceKey") is not { } key)
        {
            return DamoovEnvelope.Invalid("InstanceKey", "The header is required.");
        }
        if (!string.Equals(id, DamoovSimulator.InstanceId, AnyCase) || key != DamoovSimulator.InstanceKey)
        {
            return DamoovEnvelope.Unauthorized;
        }
        var deviceToken = call.Json.Text("CustomToken", AnyCase) ?? Guid.NewGuid().ToString();
        if (!Guid.TryParse(deviceToken, out _))
        {
            return DamoovEnvelope.Invalid("CustomToken", "A UUID is needed.");
        }
        var name = call.Json.Text("FirstName", AnyCase) ?? "";
        var email = call.Json.Text("Email", AnyCase) ?? "";
        return users.Add(new DamoovUser(deviceToken, name, email, 0))
            ? DamoovEnvelope.Ok(tokens.Start(deviceToken, DamoovSimulator.UserRole, tokens.LifetimeOr(TimeSpan.FromDays(5))))
            : DamoovEnvelope.Invalid("CustomToken", "The token is taken.");
    }
}
