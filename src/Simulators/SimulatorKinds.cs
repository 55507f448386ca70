namespace Simulators;

/// <summary>The kinds of simulator there are, by the names that commands and configs use.</summary>
public static class SimulatorKinds
{
    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } = ["telemax", "damoov", "devicehive", "oauth2"];

    /// <summary>Starts a simulator of the kind of this name.</summary>
    public static async Task<Simulator> StartAsync(string kind, SimulatorOptions options) =>
        kind switch
        {
            "telemax" => await TelemaxSimulator.StartAsync(options),
            "damoov" => await DamoovSimulator.StartAsync(options),
            "devicehive" => await DeviceHiveSimulator.StartAsync(options),
            "oauth2" => await OAuth2Simulator.StartAsync(options),
            _ => throw new ArgumentException($"There is no simulator '{kind}'; there are: {string.Join(", ", Names)}.", nameof(kind)),
        };
}
