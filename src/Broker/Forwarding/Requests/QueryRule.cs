using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Broker.Forwarding;

/// <summary>
/// Which query names may cross: those that the route's selectors use, those that it matches on and those that it lists (rights.md 10, 12).
/// </summary>
/// <param name="names">These.</param>
/// <param name="any">Whether every other may, too.</param>
/// <param name="decisive">Those whose value chose the route: each stands once, for the upstream may read another one than routing
/// did.</param>
internal sealed class QueryRule(IEnumerable<string> names, bool any, IReadOnlyCollection<string> decisive)
{
    private readonly string[] decisive = [.. decisive];

    private readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> names = names
        .ToFrozenSet(StringComparer.Ordinal)
        .GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Whether every name may cross.</summary>
    public bool IsAny => any;

    /// <summary>Why this query may not cross; null when it may.</summary>
    public Refusal? Check(QueryString query)
    {
        if (!query.HasValue || query.Value!.Length <= 1)
        {
            return null;
        }

        // Some upstreams end a pair at ';' as at '&', and '#' ends the query on the way out: the upstream would read other names than were
        // looked at.
        if (query.Value.AsSpan().IndexOfAny(';', '#') >= 0 || query.Value.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            return Refusal.NotAllowedHere("The query holds a raw ';', '#' or control character: write it percent-encoded.");
        }

        if (decisive.FirstOrDefault(name => StandsTwice(name, query.Value)) is { } twice)
        {
            return Refusal.AmbiguousId(
                $"The query name '{twice}' stands more than once, or in another spelling, and the route is chosen by it."
            );
        }

        foreach (var pair in new QueryStringEnumerable(query.Value))
        {
            var name = pair.DecodeName();
            if (MethodOverrideName.Is(name.Span))
            {
                return Refusal.NotAllowedHere("The query name '_method' could change the method: it is not allowed.");
            }

            if (!any && !names.Contains(name.Span))
            {
                return Refusal.NotAllowedHere($"The query name '{Printable(name.Span)}' is not allowed on this route.");
            }
        }

        return null;
    }

    private static bool StandsTwice(string name, string query)
    {
        var count = 0;
        foreach (var pair in new QueryStringEnumerable(query))
        {
            count += Selectors.IsSpelling(pair.DecodeName().Span.Trim(), name) ? 1 : 0;
        }

        return count > 1;
    }

    // It is the caller's own text going back to it: short, and nothing but plain characters.
    private static string Printable(ReadOnlySpan<char> name)
    {
        var text = name.Length > 64 ? name[..64].ToString() : name.ToString();
        return string.Concat(text.Select(c => c is > ' ' and < '\x7f' and not '\'' ? c : '?'));
    }
}
