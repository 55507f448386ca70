using System.Collections.Concurrent;

namespace Simulators;

/// <summary>What a small DeviceHive installation holds.</summary>
internal sealed class DeviceHiveWorld(string jwtSecret)
{
    private long _lastId = 1000;

    public ConcurrentDictionary<string, DeviceHiveDevice> Devices { get; } =
        ById(
            device => device.Id,
            new DeviceHiveDevice(DeviceHiveSimulator.DeviceA, "Device A", 1, 1),
            new DeviceHiveDevice(DeviceHiveSimulator.DeviceB, "Device B", 2, 1),
            new DeviceHiveDevice(DeviceHiveSimulator.DeviceC, "Device C", 1, 2)
        );

    public ConcurrentDictionary<long, DeviceHiveGroup> Networks { get; } =
        ById(network => network.Id, new DeviceHiveGroup(1, "depot north", null), new DeviceHiveGroup(2, "depot south", null));

    public ConcurrentDictionary<long, DeviceHiveGroup> DeviceTypes { get; } =
        ById(type => type.Id, new DeviceHiveGroup(1, "tracker", null), new DeviceHiveGroup(2, "charger", null));

    public ConcurrentDictionary<long, DeviceHiveUser> Users { get; } =
        ById(
            user => user.Id,
            new DeviceHiveUser(1, DeviceHiveSimulator.AdminLogin, DeviceHiveSimulator.AdminPassword, 0),
            new DeviceHiveUser(2, DeviceHiveSimulator.OperatorLogin, DeviceHiveSimulator.OperatorPassword, 1) { Networks = [1] }
        );

    /// <summary>The plugin topics, and the user who made each.</summary>
    public ConcurrentDictionary<string, long> PluginTopics { get; } =
        new(new Dictionary<string, long> { [DeviceHiveSimulator.PluginTopic] = 1 });

    /// <summary>The server's configuration; the text its signing key is made of stands in it for all who may read it.</summary>
    public ConcurrentDictionary<string, string> Configuration { get; } = new(new Dictionary<string, string> { ["jwt.secret"] = jwtSecret });

    public DeviceHiveMessageLog Commands { get; } = new();

    public DeviceHiveMessageLog Notifications { get; } = new();

    public long NextId() => Interlocked.Increment(ref _lastId);

    public DeviceHiveUser? FindLogin(string login) => Users.Values.FirstOrDefault(user => user.Login == login);

    /// <summary>Changes a user; changes made at once do not lose one another.</summary>
    public DeviceHiveUser? Change(long id, Func<DeviceHiveUser, DeviceHiveUser> change)
    {
        while (Users.TryGetValue(id, out var user))
        {
            var changed = change(user);
            if (Users.TryUpdate(id, changed, user))
            {
                return changed;
            }
        }
        return null;
    }

    private static ConcurrentDictionary<TKey, T> ById<TKey, T>(Func<T, TKey> id, params T[] items)
        where TKey : notnull => new(items.ToDictionary(id));
}
