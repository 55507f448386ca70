using Broker.Configuration;
using Policies;

namespace Broker.Forwarding;

/// <summary>Warns of callers that hold a route's action and can never pass it: a named device may lie in any network and be of any type,
/// unless the config says which (rights.md 2).</summary>
internal static class ReachWarnings
{
    public static void Check(RouteMetadata metadata, DemandRules demands, Snapshot candidate)
    {
        if (demands.Action is not { } action || demands.Device is not { IsOptional: false })
        {
            return;
        }

        var holders = candidate
            .Broker.Callers.Where(caller => candidate.Actions.Select(caller.Value.Actions, out _).Contains(action))
            .ToList();
        Check(
            "Network",
            "networks",
            demands.Network,
            holders.Where(caller => !caller.Value.Networks.Contains(Selection.Wildcard)).Select(caller => caller.Key)
        );
        Check(
            "DeviceType",
            "device types",
            demands.DeviceType,
            holders.Where(caller => !caller.Value.DeviceTypes.Contains(Selection.Wildcard)).Select(caller => caller.Key)
        );

        void Check(string key, string what, Selector? selector, IEnumerable<string> limited)
        {
            if (selector?.Kind != SelectorKind.Const && limited.ToList() is { Count: > 0 } names)
            {
                metadata.Warning(
                    key,
                    $"is no const:, so a named device may lie anywhere and only callers with \"*\" {what} pass: "
                        + $"{string.Join(", ", names)} never {(names.Count == 1 ? "does" : "do")}. "
                        + $"If all that the account reaches has one, say const:; else grant \"*\" {what}."
                );
            }
        }
    }
}
