using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Broker.Credentials;

/// <summary>Failed logins in a row from one address, by name: a bounded number of names apart, and one row that the others share.</summary>
internal sealed class AddressThrottle
{
    /// <summary>The place that they share. No digest is empty.</summary>
    public const string Rest = "";

    private const char WideFirst = '\uff01',
        WideLast = '\uff5e';

    private static readonly TimeSpan SweepAfter = TimeSpan.FromMinutes(1);
    private DateTimeOffset sweepAt;

    public Dictionary<string, FailedRow> Rows { get; } = new(StringComparer.Ordinal);

    public static string OwnPlaceOf(string name) => Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Folded(name))));

    /// <summary>
    /// What an upstream may take for the same name counts as one: a guesser gets no ten attempts for each way to write it.
    /// </summary>
    /// <remarks>Blanks around it, case, wide letters, and letters that nobody sees.</remarks>
    public static string Folded(string name)
    {
        if (!name.AsSpan().ContainsAnyExceptInRange(' ', '~'))
        {
            return name.Trim().ToUpperInvariant();
        }

        var seen = name.Where(letter =>
                char.GetUnicodeCategory(letter) is not (UnicodeCategory.NonSpacingMark or UnicodeCategory.Format or UnicodeCategory.Control)
            )
            .Select(letter => letter is >= WideFirst and <= WideLast ? (char)(letter - WideFirst + '!') : letter);
        return string.Concat(seen).Trim().ToUpperInvariant();
    }

    /// <summary>
    /// Whether an upstream could take the one for the other: some also read e for \u00e9, so a letter beyond ASCII may be any.
    /// </summary>
    public static bool MayMeet(string name, string other) =>
        (Folded(name), Folded(other)) is var (one, two)
        && one.Length == two.Length
        && one.Zip(two).All(pair => pair.First == pair.Second || !char.IsAscii(pair.First) || !char.IsAscii(pair.Second));

    /// <summary>A name's own place while there is one; what is over makes room.</summary>
    public string PlaceOf(string name, DateTimeOffset now, LoginThrottleLimits limits)
    {
        var own = OwnPlaceOf(name);
        if (Rows.Count < LocalLoginThrottle.NamesApart || Rows.ContainsKey(own))
        {
            return own;
        }

        if (sweepAt <= now)
        {
            sweepAt = now + SweepAfter;
            foreach (var (place, _) in Rows.Where(pair => pair.Value.IsOver(now, limits)).ToList())
            {
                Rows.Remove(place);
            }
        }

        return Rows.Count < LocalLoginThrottle.NamesApart ? own : Rest;
    }
}

/// <summary>Failed logins in a row.</summary>
/// <param name="Failures">How many.</param>
/// <param name="Last">When the last one was.</param>
/// <param name="Next">When the next may be.</param>
/// <param name="IsHere">Whether the last one was counted by this process alone.</param>
/// <param name="Began">Which count of all replicas was followed last: since when Redis has it. Null when there was none.</param>
internal readonly record struct FailedRow(int Failures, DateTimeOffset Last, DateTimeOffset Next, bool IsHere = false, string? Began = null)
{
    public bool IsOver(DateTimeOffset now, LoginThrottleLimits limits) =>
        Failures <= 0 || Last + (Failures < limits.Free ? limits.FewForgotten : limits.Forgotten) <= now;
}
