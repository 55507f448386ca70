using Broker.Configuration;
using Policies;
using Yarp.ReverseProxy.Configuration;

namespace Broker.Forwarding;

/// <summary>What a route demands, read from its metadata (rights.md 1 to 5). A route that does not say does not load.</summary>
internal sealed class DemandRules
{
    private readonly RouteMetadata metadata;

    public DemandRules(RouteConfig route, RouteMetadata metadata, ActionNames actions, bool needsNone)
    {
        this.metadata = metadata;
        Action = ActionOf(actions, needsNone);
        var reach = metadata["Reach"];
        (Network, DeviceType, Device) = (metadata.Selector("Network"), metadata.Selector("DeviceType"), metadata.Selector("Device"));
        var names = metadata.Says("Network") || metadata.Says("DeviceType") || metadata.Says("Device");
        CheckRouteValues(route, "Network", Network);
        CheckRouteValues(route, "DeviceType", DeviceType);
        CheckRouteValues(route, "Device", Device);
        if (needsNone)
        {
            RefuseBeside(reach, names);
            Selectors = new(Action, Reach.All);
            return;
        }

        if (names == reach is not null)
        {
            metadata.Error(
                "Reach",
                names
                    ? "stands beside a selector: what is reached is either named or everything; keep one."
                    : "is missing, and so are Network, DeviceType and Device: say what the route reaches (a selector, or Reach: "
                        + "none, account or all)."
            );
        }

        ReachesAccount = reach == "account";
        Selectors = reach is null ? new(Action, Network, DeviceType, Device) : new(Action, ReachOf(actions));
    }

    public string? Action { get; }

    public Selector? Network { get; }

    public Selector? DeviceType { get; }

    public Selector? Device { get; }

    public Selectors Selectors { get; }

    /// <summary>Whether what is reached is what the account's own token reaches.</summary>
    public bool ReachesAccount { get; }

    private string? ActionOf(ActionNames actions, bool needsNone)
    {
        if (metadata["Action"] is not { } text)
        {
            if (!needsNone)
            {
                metadata.Error(
                    "Action",
                    "is missing: say which action the route needs, or make it public with \"AuthorizationPolicy\": \"Anonymous\"."
                );
            }

            return null;
        }

        if (needsNone)
        {
            metadata.Error("Action", "has no meaning on a public route or one that denies all: remove it.");
        }
        else if (!actions.TryResolve(text, out var name))
        {
            metadata.Error(
                "Action",
                $"'{Scalars.Short(text)}' is no action: {DidYouMean.Say(text, actions.All)}. Broker:Actions adds more.",
                because: $"Broker:Actions:{text}"
            );
        }
        else
        {
            return name;
        }

        return null;
    }

    private Reach ReachOf(ActionNames actions)
    {
        switch (metadata.Word("Reach", "all", "none", "account"))
        {
            case "none":
                if (Action is not null && actions.HasReach(Action))
                {
                    metadata.Error(
                        "Reach",
                        $"cannot be \"none\": {Action} is about devices, networks, types or commands. (An action of Broker:Actions "
                            + "may say \"HasReach\": false.)"
                    );
                }

                return Reach.Nothing;
            case "account":
                return Reach.Nothing;
            default:
                return Reach.All;
        }
    }

    /// <summary>A selector of a route's value needs a Path that always has it.</summary>
    public void CheckRouteValues(RouteConfig route, string key, Selector? selector)
    {
        if (selector?.Kind != SelectorKind.Route)
        {
            return;
        }

        var pattern = route.Match.Path is { } path ? LeavingPath.TryParse(path) : null;
        var parameter = pattern?.Parameters.FirstOrDefault(parameter =>
            parameter.Name.Equals(selector.Name, StringComparison.OrdinalIgnoreCase)
        );
        if (parameter is null)
        {
            metadata.Error(key, $"selects {selector}, and the route's Path has no value of that name.");
        }
        else if (parameter.IsOptional || parameter.Default is not null)
        {
            metadata.Error(key, $"selects {selector}, which the Path does not always have: make it a value of its own.");
        }
    }

    private void RefuseBeside(string? reach, bool names)
    {
        if (reach is not null || names)
        {
            metadata.Error("Reach", "and selectors have no meaning on a public route or one that denies all: remove them.");
        }
    }
}
