using System.Text;
using Policies;

namespace Broker.TokenService;

/// <summary>
/// OAuth2's <c>scope</c>: actions by name or number, and <c>network:7</c>, <c>devicetype:3</c>, <c>device:abc</c>; <c>*</c> is everything.
/// </summary>
/// <remarks>A dimension that the scope does not speak of is "as mine".</remarks>
internal static class Scope
{
    private const int LongestClaim = 256;

    private static readonly string[] Kinds = ["network:", "devicetype:", "device:"];

    /// <summary>Null with the word that is no scope.</summary>
    public static Wish? Read(string? scope, ActionNames actions, out string? mistake)
    {
        mistake = null;
        var ids = new List<string>?[Kinds.Length];
        List<string>? names = null;
        foreach (var word in (scope ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var kind = Array.FindIndex(Kinds, prefix => word.StartsWith(prefix, StringComparison.Ordinal));
            if (kind < 0)
            {
                (names ??= []).Add(word);
            }
            else if (word.Length == Kinds[kind].Length)
            {
                mistake = word;
                return null;
            }
            else
            {
                (ids[kind] ??= []).Add(word[Kinds[kind].Length..]);
            }
        }

        IReadOnlyList<string> unknown = [];
        var selected = names is null ? (Selection?)null : actions.Select(names, out unknown);
        if (unknown.Count > 0)
        {
            mistake = unknown[0];
            return null;
        }

        return new(selected, Of(ids[0]), Of(ids[1]), Of(ids[2]), null);
    }

    /// <summary>
    /// The scope as a token repeats it (RFC 9068, 2.2.3). A long one stands in its permissions already, and might not fit twice.
    /// </summary>
    public static string? Claim(string? asked) => asked?.Length <= LongestClaim && Ascii.IsValid(asked) ? asked : null;

    /// <summary>As a token's answer says it.</summary>
    public static string Write(in Permissions held) =>
        string.Join(
            ' ',
            [
                .. Words("", held.Actions),
                .. Words(Kinds[0], held.Networks),
                .. Words(Kinds[1], held.DeviceTypes),
                .. Words(Kinds[2], held.Devices),
            ]
        );

    private static IEnumerable<string> Words(string prefix, Selection selection) =>
        selection.IsEverything ? [prefix + Selection.Wildcard] : selection.Names.Select(name => prefix + name);

    private static Selection? Of(List<string>? names) => names is null ? null : Selection.Of(names);
}
