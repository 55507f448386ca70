namespace Broker.Configuration;

/// <summary>Judges the callers: credentials, numbers, selections and accounts.</summary>
internal sealed class CallerChecks(BrokerOptions broker, SelectionChecks selections, AccountChecks accounts, Mistakes mistakes)
{
    private const int KeysPerCaller = 2;

    private readonly Dictionary<string, string> digests = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<long, string> userIds = [];

    public void Check()
    {
        foreach (var (name, caller) in broker.Callers)
        {
            var path = $"Broker:Callers:{name}";
            Keys(caller.Keys, path);
            UserId(caller, name, path);
            selections.Actions(caller.Actions, $"{path}:Actions");
            selections.Names(caller.Networks, $"{path}:Networks");
            selections.Names(caller.DeviceTypes, $"{path}:DeviceTypes");
            selections.Names(caller.Devices, $"{path}:Devices");
            accounts.Check(caller.Accounts, $"{path}:Accounts");
            if (caller.ConcurrentRequests is < 1)
            {
                mistakes.Error($"{path}:ConcurrentRequests", "at least 1");
            }

            if (caller is { Keys.Count: 0, Basic: null } && broker.Issuing is null)
            {
                mistakes.Warning(path, "has no credential: give it Keys or Basic, or configure Issuing so that it can hold a token");
            }
            else if (caller is { Keys.Count: 0, Basic: null, Actions.Count: 0 })
            {
                mistakes.Warning(path, "has no credential and no action: nobody can do anything as this caller");
            }
        }
    }

    private void Keys(IReadOnlyList<KeyOptions> keys, string path)
    {
        if (keys.Count > KeysPerCaller)
        {
            mistakes.Error($"{path}:Keys", $"{KeysPerCaller} keys at most: the one in use, and the one that replaces it");
        }

        for (var i = 0; i < keys.Count; i++)
        {
            var at = $"{path}:Keys:{i}:Sha256";
            var digest = keys[i].Sha256;
            if (digest.Length != 64 || !digest.All(char.IsAsciiHexDigit))
            {
                // The value is not repeated: someone may have written the key itself.
                mistakes.Error(at, "64 hex digits are needed, as 'broker key new' prints them; the key itself does not belong here");
            }
            else if (!digests.TryAdd(digest, at))
            {
                mistakes.Error(at, $"the same key stands at {digests[digest]}: it would not say who asks");
            }
        }
    }

    private void UserId(CallerOptions caller, string name, string path)
    {
        if (caller.UserId is not { } id)
        {
            return;
        }

        if (id < 0)
        {
            mistakes.Error($"{path}:UserId", "0 or more");
        }
        else if (!userIds.TryAdd(id, name))
        {
            mistakes.Error($"{path}:UserId", $"{id} is the caller {userIds[id]}'s: a token would not say who asks");
        }
    }
}
