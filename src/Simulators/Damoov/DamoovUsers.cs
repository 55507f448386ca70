using System.Collections.Concurrent;
using System.Text.Json;

namespace Simulators;

/// <summary>The users of a Damoov instance and what they drove.</summary>
internal sealed class DamoovUsers
{
    private readonly ConcurrentDictionary<string, DamoovUser> _users = new(
        new[]
        {
            new DamoovUser(DamoovSimulator.Alice, "Alice", "alice@fleet.example", 3),
            new DamoovUser(DamoovSimulator.Bob, "Bob", "bob@fleet.example", 2),
            new DamoovUser(DamoovSimulator.Carol, "Carol", "carol@fleet.example", 1),
        }.ToDictionary(user => user.DeviceToken),
        StringComparer.OrdinalIgnoreCase
    );

    public IEnumerable<DamoovUser> All => _users.Values.OrderBy(user => user.DeviceToken, StringComparer.Ordinal);

    public bool Has(string deviceToken) => _users.ContainsKey(deviceToken);

    public DamoovUser? Find(string? deviceToken) => deviceToken is not null && _users.TryGetValue(deviceToken, out var user) ? user : null;

    public bool Add(DamoovUser user) => _users.TryAdd(user.DeviceToken, user);

    public bool Remove(string deviceToken) => _users.TryRemove(deviceToken, out _);

    public void Change(DamoovUser user, JsonElement? body) =>
        _users[user.DeviceToken] = user with
        {
            FirstName = body.Text("FirstName", StringComparison.OrdinalIgnoreCase) ?? user.FirstName,
            Email = body.Text("Email", StringComparison.OrdinalIgnoreCase) ?? user.Email,
        };
}
