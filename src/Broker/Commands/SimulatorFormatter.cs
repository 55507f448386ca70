using Simulators;

namespace Broker.Commands;

/// <summary>What a newcomer needs to log in at a simulator: its token endpoint, and users that stand for nobody.</summary>
internal static class SimulatorFormatter
{
    public static async Task Write(string kind, Uri address, TextWriter output)
    {
        await output.WriteLineAsync($"token endpoint  {address}{Endpoint(kind)}");
        foreach (var (who, secret) in Logins(kind))
        {
            await output.WriteLineAsync($"login           {who}, {secret}");
        }
    }

    private static string Endpoint(string kind) =>
        kind switch
        {
            "telemax" => "api/v2/authentication/token/user",
            "damoov" => "v1/Auth/Login",
            "devicehive" => "auth/rest/token",
            _ => OAuth2Simulator.TokenPath.TrimStart('/'),
        };

    private static IEnumerable<(string Who, string Secret)> Logins(string kind) =>
        kind switch
        {
            "telemax" =>
            [
                ($"user {TelemaxSimulator.UserName}", $"password {TelemaxSimulator.Password}"),
                ("or", $"API key {TelemaxSimulator.ApiKey}"),
            ],
            "damoov" =>
            [
                ($"administrator {DamoovSimulator.AdminEmail}", $"password {DamoovSimulator.AdminPassword}"),
                (
                    $"device token {DamoovSimulator.Alice} or {DamoovSimulator.Bob}",
                    $"instance {DamoovSimulator.InstanceId}, its key (the password) {DamoovSimulator.InstanceKey}"
                ),
            ],
            "devicehive" =>
            [
                ($"user {DeviceHiveSimulator.AdminLogin}", $"password {DeviceHiveSimulator.AdminPassword}"),
                ($"user {DeviceHiveSimulator.OperatorLogin}", $"password {DeviceHiveSimulator.OperatorPassword}"),
            ],
            _ =>
            [
                (
                    $"client {OAuth2Simulator.BasicClientId} (Basic)",
                    $"secret '{OAuth2Simulator.BasicClientSecret}'; audience {OAuth2Simulator.Audience}, scopes "
                        + $"{string.Join(' ', OAuth2Simulator.Scopes)}"
                ),
                ($"client {OAuth2Simulator.BodyClientId} (form)", $"secret {OAuth2Simulator.BodyClientSecret}"),
                ($"user {OAuth2Simulator.UserName}", $"password {OAuth2Simulator.Password}"),
                ("or", $"refresh token {OAuth2Simulator.InitialRefreshToken}"),
            ],
        };
}
