using System.Globalization;

namespace Simulators;

/// <summary>DeviceHive's long polls: answered at once when there is something, else at the next message or the end of the wait.</summary>
internal sealed class DeviceHivePolling(DeviceHiveAccess access, TimeProvider time, Func<Call, CancellationTokenSource> until)
{
    /// <summary>Waits for messages that are wanted and new.</summary>
    public async Task<IReadOnlyList<DeviceHiveMessage>> WaitAsync(Call call, DeviceHiveMessageLog log, Func<DeviceHiveMessage, bool> wanted)
    {
        var since = DeviceHiveDates.Parse(call.Query("timestamp"));
        var names = call.Query("names")?.Split(',');
        var seen = since is null ? log.Read(_ => true).Messages.Select(message => message.Id).LastOrDefault() : 0;
        bool IsNew(DeviceHiveMessage message) =>
            wanted(message) && message.Id > seen && !(message.Timestamp <= since) && (names?.Contains(message.Name) ?? true);

        using var giveUp = until(call);
        var patience = WaitTime(call, giveUp.Token);
        while (true)
        {
            var (messages, changed) = log.Read(IsNew);
            if (messages.Count > 0 || patience.IsCompleted)
            {
                giveUp.Token.ThrowIfCancellationRequested();
                return messages;
            }
            await Task.WhenAny(changed, patience);
        }
    }

    /// <summary>Waits until a command has a status; null when it got none.</summary>
    public async Task<DeviceHiveMessage?> WaitForStatusAsync(Call call, DeviceHiveMessageLog log, long id)
    {
        using var giveUp = until(call);
        var patience = WaitTime(call, giveUp.Token);
        while (true)
        {
            var (done, changed) = log.Read(message => message.Id == id && message.Status is not null);
            if (done.Count > 0 || patience.IsCompleted)
            {
                giveUp.Token.ThrowIfCancellationRequested();
                return done.Count > 0 ? done[0] : null;
            }
            await Task.WhenAny(changed, patience);
        }
    }

    /// <summary>What the ids in the query ask for, within the token: one id outside is 403, or 404 for a full token.</summary>
    public (Answer? Refusal, Func<DeviceHiveMessage, bool> Wanted) ReadFilter(Call call, DeviceHivePrincipal principal)
    {
        bool InToken(DeviceHiveMessage message) => principal.Owns(message.Device) && principal.Holds(message.Device);
        if (call.Query("deviceId") is { Length: > 0 } id)
        {
            var (refusal, device) = access.Find(principal, id);
            return (refusal, message => message.Device.Id == device?.Id);
        }
        var networks = ReadIds(call.Query("networkIds"));
        var types = ReadIds(call.Query("deviceTypeIds"));
        var outside =
            networks?.Any(network => !(principal.Networks?.Contains(network) ?? true)) == true
            || types?.Any(type => !(principal.DeviceTypes?.Contains(type) ?? true)) == true;
        return outside
            ? (DeviceHiveErrors.Denied, _ => false)
            : (null, message =>
                InToken(message)
                && (networks?.Contains(message.Device.NetworkId) ?? true)
                && (types?.Contains(message.Device.DeviceTypeId) ?? true)
            );
    }

    private static long[]? ReadIds(string? csv) => string.IsNullOrEmpty(csv) ? null : [.. csv.Split(',').Select(Ids.Parse)];

    private Task WaitTime(Call call, CancellationToken giveUp)
    {
        var seconds = int.TryParse(call.Query("waitTimeout"), CultureInfo.InvariantCulture, out var asked) ? Math.Clamp(asked, 0, 60) : 30;
        return seconds == 0 ? Task.CompletedTask : Task.Delay(TimeSpan.FromSeconds(seconds), time, giveUp);
    }
}
