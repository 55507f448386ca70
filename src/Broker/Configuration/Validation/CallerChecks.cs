namespace Broker.Configuration;

/// <summary>Judges the callers: accounts and limits, and whether anybody can be one.</summary>
internal sealed class CallerChecks(BrokerOptions broker, AccountChecks accounts, ConfigErrors mistakes)
{
    public void Check()
    {
        foreach (var (name, caller) in broker.Callers)
        {
            var path = $"Broker:Callers:{name}";
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
}
