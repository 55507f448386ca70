using System.Globalization;
using System.Text.Json;

namespace Broker.Credentials;

/// <summary>Where a claim stands in a token: its name, or a JSON Pointer (RFC 6901) to a claim within others.</summary>
internal sealed class ClaimPath
{
    private readonly string[] steps;

    /// <param name="text">As the config has it. What begins with '/' is a pointer; all else is a name, such as
    /// <c>https://acme.example/roles</c>.</param>
    public ClaimPath(string text)
    {
        Text = text;
        var parts = text.StartsWith('/') ? text[1..].Split('/') : null;
        IsWellFormed = !string.IsNullOrWhiteSpace(text) && (parts is null || Array.TrueForAll(parts, IsStep));
        steps = parts is null ? [text] : [.. parts.Select(Unescaped)];
    }

    public string Text { get; }

    /// <summary>False when it is empty, or a pointer with a '~' that is neither '~0' nor '~1'.</summary>
    public bool IsWellFormed { get; }

    /// <summary>What stands there; null when nothing does.</summary>
    public JsonElement? Find(JsonElement claims)
    {
        var at = claims;
        foreach (var step in steps)
        {
            if (at.ValueKind == JsonValueKind.Object && at.TryGetProperty(step, out var member))
            {
                at = member;
            }
            else if (at.ValueKind == JsonValueKind.Array && IndexOf(step) is { } index && index < at.GetArrayLength())
            {
                at = at[index];
            }
            else
            {
                return null;
            }
        }

        return at;
    }

    private static string Unescaped(string step) =>
        step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);

    private static bool IsStep(string step)
    {
        for (var i = step.IndexOf('~', StringComparison.Ordinal); i >= 0; i = step.IndexOf('~', i + 1))
        {
            if (i + 1 == step.Length || step[i + 1] is not ('0' or '1'))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Digits without a leading zero; null for all else.</summary>
    private static int? IndexOf(string step) =>
        int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && (step.Length == 1 || step[0] != '0')
            ? index
            : null;
}
