namespace Simulators;

/// <summary>All commands, or all notifications, and a signal for those who wait for the next.</summary>
internal sealed class DeviceHiveMessageLog
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<long, DeviceHiveMessage> _messages = [];
    private TaskCompletionSource _changed = NewSignal();

    /// <summary>What is there, and a task that ends at the next change.</summary>
    public (IReadOnlyList<DeviceHiveMessage> Messages, Task Changed) Read(Func<DeviceHiveMessage, bool> wanted)
    {
        lock (_gate)
        {
            return ([.. _messages.Values.Where(wanted)], _changed.Task);
        }
    }

    public DeviceHiveMessage? Find(string deviceId, long id)
    {
        lock (_gate)
        {
            return _messages.GetValueOrDefault(id) is { } message && message.Device.Id == deviceId ? message : null;
        }
    }

    /// <summary>Adds a message, or puts it in the place of the one with its id.</summary>
    public void Put(DeviceHiveMessage message)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            _messages[message.Id] = message;
            (changed, _changed) = (_changed, NewSignal());
        }
        changed.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
