namespace Simulators;

/// <summary>DeviceHive's error bodies.</summary>
internal static class DeviceHiveErrors
{
    public static Answer Unauthorized => Make(401, "Unauthorized");

    public static Answer Expired => Make(401, "Token expired");

    public static Answer Denied => Make(403, "Access is denied");

    public static Answer Malformed => Make(400, "Malformed Json received.");

    public static Answer NoDevice(string id) => Make(404, $"Device with id = {id} not found");

    public static Answer Make(int status, string message) => Answer.Json(status, new { error = status, message });
}
