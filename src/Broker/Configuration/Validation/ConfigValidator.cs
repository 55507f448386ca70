using System.Globalization;
using System.Text.Json.Nodes;
using Policies;

namespace Broker.Configuration;

/// <summary>
/// Judges what the keys of section <c>Broker</c> say together, but for what a folder judges where it compiles it; every mistake is told.
/// </summary>
/// <remarks>Works on what could be bound. The JSON itself answers whether a name was written, so that one mistake does not make
/// others.</remarks>
internal sealed class ConfigValidator(BrokerOptions broker, JsonObject json, ConfigErrors mistakes)
{
    /// <summary>The actions there are, of those that are in order.</summary>
    public ActionNames Validate()
    {
        var actions = Actions();
        var accounts = new AccountChecks(json, mistakes);
        new CallerChecks(broker, accounts, mistakes).Check();
        foreach (var (name, issuer) in broker.Issuers)
        {
            accounts.Check(issuer.Accounts, $"Broker:Issuers:{name}:Accounts");
        }

        foreach (var (name, cors) in broker.Cors)
        {
            CorsChecks.Check(cors, $"Broker:Cors:{name}", mistakes);
        }

        new TokenServiceChecks(broker, mistakes).Check();
        if (broker.Redis is { } redis)
        {
            new RedisChecks(redis, mistakes).Check();
        }

        new LimitChecks(broker, mistakes).Check();
        return actions;
    }

    private ActionNames Actions()
    {
        var own = new Dictionary<string, int>(StringComparer.Ordinal);
        var withoutReach = new List<string>();
        var taken = new Dictionary<int, string>();
        foreach (var (name, action) in broker.Actions)
        {
            var path = $"Broker:Actions:{name}";
            if (ActionNames.BuiltIn.TryResolve(name, out var builtIn))
            {
                mistakes.Error(path, $"the name is DeviceHive's own action '{builtIn}'; take another");
            }
            else if (name is Selection.Wildcard or "" || name.Equals("None", StringComparison.OrdinalIgnoreCase) || IsNumber(name))
            {
                mistakes.Error(path, "no name for an action: it would be read as a wildcard, as none or as a number");
            }
            else if (action.Number < ActionNames.FirstOwnNumber)
            {
                mistakes.Error(path, $"{action.Number} is DeviceHive's: own numbers start at {ActionNames.FirstOwnNumber}");
            }
            else if (!taken.TryAdd(action.Number, name))
            {
                mistakes.Error(path, $"the number {action.Number} is taken by '{taken[action.Number]}'");
            }
            else if (!own.Keys.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                own.Add(name, action.Number);
                withoutReach.AddRange(action.HasReach ? [] : [name]);
            }
        }

        return new(own, withoutReach);
    }

    private static bool IsNumber(string name) => int.TryParse(name, NumberStyles.Integer, CultureInfo.InvariantCulture, out _);
}
