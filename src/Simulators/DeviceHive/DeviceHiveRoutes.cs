namespace Simulators;

/// <summary>DeviceHive's data routes under one base path, each behind the action it needs.</summary>
internal sealed class DeviceHiveRoutes(Routes routes, string path, DeviceHiveAccess access)
{
    public void Free(string method, string pattern, Func<Call, Answer> work) => routes.Data(method, path + pattern, work);

    public void Guarded(string method, string pattern, DeviceHiveAction action, Func<Call, DeviceHivePrincipal, Answer> work) =>
        routes.Data(method, path + pattern, call => access.Refuse(call, action, out var principal) ?? work(call, principal));

    public void Guarded(string method, string pattern, DeviceHiveAction action, Func<Call, DeviceHivePrincipal, Task<Answer>> work) =>
        routes.Data(method, path + pattern, async call =>
            access.Refuse(call, action, out var principal) is { } refusal ? refusal : await work(call, principal)
        );

    /// <summary>A route whose {deviceId} is checked against the token.</summary>
    public void OnDevice(
        string method,
        string pattern,
        DeviceHiveAction action,
        Func<Call, DeviceHivePrincipal, DeviceHiveDevice, Answer> work
    ) => OnDevice(method, pattern, action, (call, principal, device) => Task.FromResult(work(call, principal, device)));

    public void OnDevice(
        string method,
        string pattern,
        DeviceHiveAction action,
        Func<Call, DeviceHivePrincipal, DeviceHiveDevice, Task<Answer>> work
    ) => Guarded(method, pattern, action, async (call, principal) =>
        {
            var (refusal, device) = access.Find(principal, call.Route("deviceId"));
            return refusal ?? await work(call, principal, device!);
        });
}
