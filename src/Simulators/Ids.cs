using System.Globalization;

namespace Simulators;

/// <summary>Numbers that stand for things, as they are written in paths, queries and tokens.</summary>
internal static class Ids
{
    /// <summary>The id written here; -1, which nothing has, when it is none.</summary>
    public static long Parse(string? text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : -1;

    public static string Write(long id) => id.ToString(CultureInfo.InvariantCulture);
}
