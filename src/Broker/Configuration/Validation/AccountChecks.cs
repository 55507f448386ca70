using System.Text.Json.Nodes;

namespace Broker.Configuration;

/// <summary>Judges which account is used where: upstream and account are in the config.</summary>
internal sealed class AccountChecks(JsonObject broker, ConfigErrors mistakes)
{
    private readonly JsonObject upstreams = broker["Upstreams"] as JsonObject ?? [];

    public void Check(IReadOnlyDictionary<string, string> accounts, string path)
    {
        foreach (var (upstream, account) in accounts)
        {
            if (!upstreams.TryGetPropertyValue(upstream, out var found))
            {
                mistakes.Error(
                    $"{path}:{upstream}",
                    $"there is no upstream '{upstream}': {DidYouMean.Say(upstream, upstreams.Select(member => member.Key))}"
                );
            }
            else if ((found as JsonObject)?["Accounts"] is JsonObject known && !known.ContainsKey(account))
            {
                var names = known.Select(member => member.Key).ToList();
                mistakes.Error(
                    $"{path}:{upstream}",
                    $"the upstream '{upstream}' has no account of that name; it has: {string.Join(", ", names)}"
                );
            }
        }
    }
}
