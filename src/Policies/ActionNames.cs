using System.Collections.Frozen;
using System.Globalization;

namespace Policies;

/// <summary>The actions there are: DeviceHive's, with their numbers, and those that a config adds (numbers from 1000).</summary>
/// <remarks>Source of names and numbers: devicehive-java-server, HiveAction. 0 is every action, 1 is none.</remarks>
public sealed class ActionNames
{
    /// <summary>The lowest number that a config may give to an action of its own.</summary>
    public const int FirstOwnNumber = 1000;

    private const int Any = 0;
    private const int None = 1;

    // csharpier-ignore
    private static readonly string[] DeviceHive =
    [
        "GetNetwork", "GetDevice", "GetDeviceNotification", "GetDeviceCommand", "RegisterDevice", "CreateDeviceCommand",
        "UpdateDeviceCommand", "CreateDeviceNotification", "GetCurrentUser", "UpdateCurrentUser", "ManageUser",
        "ManageConfiguration", "ManageNetwork", "ManageToken", "ManagePlugin", "GetDeviceType", "ManageDeviceType",
    ];

    // What these do reaches no device, network, type or command: only they may stand on a route with "Reach": "none".
    private static readonly FrozenSet<string> WithoutReach = FrozenSet.Create(
        StringComparer.Ordinal,
        "GetCurrentUser",
        "UpdateCurrentUser",
        "ManageUser",
        "ManageConfiguration",
        "ManageToken",
        "ManagePlugin"
    );

    private readonly FrozenDictionary<string, string> byName;
    private readonly FrozenDictionary<int, string> byNumber;
    private readonly FrozenDictionary<string, int> numbers;
    private readonly FrozenSet<string> withoutReach;

    /// <summary>DeviceHive's actions and these.</summary>
    /// <param name="own">Name and number of each action that the config adds.</param>
    /// <param name="ownWithoutReach">Those of them that reach no device, network, type or command.</param>
    /// <exception cref="ArgumentException">A number is below 1000 or taken, or a name is taken.</exception>
    public ActionNames(IReadOnlyDictionary<string, int> own, IEnumerable<string> ownWithoutReach)
    {
        ArgumentNullException.ThrowIfNull(own);
        var all = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < DeviceHive.Length; i++)
        {
            all.Add(DeviceHive[i], i + 2);
        }

        foreach (var (name, number) in own)
        {
            if (
                number < FirstOwnNumber
                || all.ContainsValue(number)
                || name is Selection.Wildcard or "None" or ""
                || !all.TryAdd(name, number)
            )
            {
                throw new ArgumentException(
                    $"Action '{name}' = {number}: own numbers start at {FirstOwnNumber}, and names and numbers are unique.",
                    nameof(own)
                );
            }
        }

        byName = all.Keys.ToFrozenDictionary(name => name, name => name, StringComparer.OrdinalIgnoreCase);
        byNumber = all.ToFrozenDictionary(pair => pair.Value, pair => pair.Key);
        numbers = all.ToFrozenDictionary(StringComparer.Ordinal);
        withoutReach = WithoutReach.Concat(ownWithoutReach).ToFrozenSet(StringComparer.Ordinal);
    }

    /// <summary>DeviceHive's actions alone.</summary>
    public static ActionNames BuiltIn { get; } = new(new Dictionary<string, int>(), []);

    /// <summary>Every canonical name, in order of number.</summary>
    public IEnumerable<string> All => numbers.OrderBy(pair => pair.Value).Select(pair => pair.Key);

    /// <summary>The canonical name of an action given by name (case ignored, as DeviceHive does) or by number.</summary>
    public bool TryResolve(string nameOrNumber, out string name)
    {
        ArgumentNullException.ThrowIfNull(nameOrNumber);
        return int.TryParse(nameOrNumber, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? TryResolve(number, out name)
            : byName.TryGetValue(nameOrNumber, out name!);
    }

    /// <summary>The canonical name of an action given by number; 0 (every action) and 1 (none) are no single action.</summary>
    public bool TryResolve(int number, out string name) => byNumber.TryGetValue(number, out name!);

    /// <summary>The number of an action's canonical name.</summary>
    public int NumberOf(string name) => numbers[name];

    /// <summary>Whether the action may reach devices, networks, types or commands; an unknown one may.</summary>
    public bool HasReach(string name) => !withoutReach.Contains(name);

    /// <summary>The selection of these names and numbers; <c>"*"</c> and 0 are everything, <c>"None"</c> and 1 add nothing.</summary>
    /// <param name="namesOrNumbers">As a config or a token lists them.</param>
    /// <param name="unknown">Those that are no action.</param>
    public Selection Select(IEnumerable<string> namesOrNumbers, out IReadOnlyList<string> unknown)
    {
        ArgumentNullException.ThrowIfNull(namesOrNumbers);
        var known = new List<string>();
        var rest = new List<string>();
        foreach (var item in namesOrNumbers)
        {
            if (item == Selection.Wildcard || item == Any.ToString(CultureInfo.InvariantCulture))
            {
                known.Add(Selection.Wildcard);
            }
            else if (TryResolve(item, out var name))
            {
                known.Add(name);
            }
            else if (item != "None" && item != None.ToString(CultureInfo.InvariantCulture))
            {
                rest.Add(item);
            }
        }

        unknown = rest;
        return Selection.Of(known);
    }
}
