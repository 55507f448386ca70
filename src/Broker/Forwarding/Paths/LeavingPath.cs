using System.Buffers;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Yarp.ReverseProxy.Configuration;

namespace Broker.Forwarding;

/// <summary>The path that leaves: the raw path that was judged, changed by the route's path transforms and by nothing else.</summary>
/// <remarks>YARP's own path transforms work on the decoded path, where <c>%2F</c> and <c>%252F</c> are one text. These work on the raw one,
/// so that every part of it that is kept leaves byte for byte.</remarks>
internal sealed class LeavingPath
{
    /// <summary>The transforms that are done here; YARP does not see them.</summary>
    public static readonly string[] Keys = ["PathSet", "PathPattern", "PathPrefix", "PathRemovePrefix"];

    private static readonly SearchValues<char> Plain = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/"
    );

    private readonly RoutePattern? match;
    private readonly string? literal;
    private readonly IReadOnlyList<PathPart[]>? pattern;
    private readonly List<(bool Removes, string Encoded, string[] Segments)> edits = [];

    public LeavingPath(RouteConfig route)
    {
        match = TryParse(string.IsNullOrEmpty(route.Match.Path) ? "/{**catchall}" : route.Match.Path);
        foreach (var transform in route.Transforms ?? [])
        {
            if (transform.TryGetValue("PathSet", out var set))
            {
                (literal, pattern) = (Encode(Rooted(set)), null);
                edits.Clear(); // what stood before is gone
            }
            else if (transform.TryGetValue("PathPattern", out var text) && match is not null && TryParse(text) is { } parsed)
            {
                (literal, pattern) = (null, [.. parsed.PathSegments.Select(segment => PathPart.Of(segment, match))]);
                edits.Clear();
            }
            else if (transform.TryGetValue("PathPrefix", out var prefix))
            {
                edits.Add((false, Encode(Rooted(prefix)), []));
            }
            else if (transform.TryGetValue("PathRemovePrefix", out var removed))
            {
                edits.Add((true, "", Rooted(removed).Split('/')[1..]));
            }
        }
    }

    /// <summary>The values of the route's Path that PathPattern takes out of a segment that holds more than the value.</summary>
    public IEnumerable<string> PartialNames =>
        (pattern ?? []).SelectMany(parts => parts).Where(part => part.Name is not null && !part.IsWhole).Select(part => part.Name!);

    /// <summary>Whether this value of the route's Path is always in the path that leaves, whole.</summary>
    public bool Keeps(string name)
    {
        if (literal is not null || match is null)
        {
            return false;
        }

        var segments = pattern
            ?.Select(parts => (Text: parts is [{ Name: null } only] ? only.Literal : null, Names: NamesOf(parts)))
            .ToList()
            ?? [.. match.PathSegments.Select(segment => (LiteralOf(segment), NamesOf(segment)))];
        return Keeps(name, segments, edit: 0);
    }

    private bool Keeps(string name, List<(string? Text, List<string> Names)> segments, int edit)
    {
        if (edit == edits.Count)
        {
            return segments.Exists(segment => segment.Names.Contains(name, StringComparer.OrdinalIgnoreCase));
        }

        var (removes, encoded, expected) = edits[edit];
        if (!removes)
        {
            return Keeps(name, [.. encoded.Split('/')[1..].Select(text => ((string?)text, new List<string>())), .. segments], edit + 1);
        }

        var leading = segments.Take(expected.Length).ToList();
        if (!leading.Zip(expected).All(pair => MayBe(pair.First.Text, pair.Second)))
        {
            return Keeps(name, segments, edit + 1); // such a path never starts with this prefix
        }

        if (leading.Exists(segment => segment.Names.Contains(name, StringComparer.OrdinalIgnoreCase)))
        {
            return false; // a value that reads as the prefix would be taken off
        }

        // Where other values stand there, the path starts with the prefix or it does not: the value has to be kept either way.
        var isSure = leading.Count == expected.Length && leading.TrueForAll(segment => segment.Text is not null);
        return Keeps(name, segments[leading.Count..], edit + 1) && (isSure || Keeps(name, segments, edit + 1));
    }

    /// <summary>The path that leaves, encoded; empty where nothing is left of it.</summary>
    public string Write(string raw, RouteValueDictionary values)
    {
        var path = literal ?? (pattern is null ? raw : Fill(raw, values));
        foreach (var (removes, encoded, segments) in edits)
        {
            path = removes ? Without(path, segments) : encoded + path;
        }

        return path;
    }

    /// <summary>The raw text of a value of the route's Path; null where it is not a segment, or segments, of its own.</summary>
    public string? RawOf(string name, string raw) =>
        match?.GetParameter(name) is { } parameter
        && PathPart.Of(parameter, match) is { IsWhole: true } part
        && part.In(raw) is { IsEmpty: false } found
            ? found.ToString()
            : null;

    public static RoutePattern? TryParse(string path)
    {
        try
        {
            return RoutePatternFactory.Parse(path);
        }
        catch (RoutePatternException)
        {
            return null; // YARP's validator tells it
        }
    }

    /// <summary>A text of the config, or a decoded value, as it stands in a path: what may not stand there is encoded, '%' too.</summary>
    public static string Encode(ReadOnlySpan<char> text)
    {
        var built = new DefaultInterpolatedStringHandler(text.Length, 0);
        while (!text.IsEmpty)
        {
            var plain = text.IndexOfAnyExcept(Plain) is >= 0 and var end ? end : text.Length;
            built.AppendFormatted(text[..plain]);
            text = text[plain..];
            var other = text.IndexOfAny(Plain) is >= 0 and var start ? start : text.Length;
            built.AppendLiteral(Uri.EscapeDataString(text[..other]));
            text = text[other..];
        }

        return built.ToStringAndClear();
    }

    private string Fill(string raw, RouteValueDictionary values)
    {
        var built = new DefaultInterpolatedStringHandler(raw.Length + 32, 0, null, stackalloc char[256]);
        foreach (var parts in pattern!)
        {
            if (parts is [{ Name: not null } only] && only.IsEmpty(raw, values))
            {
                continue; // an optional value that is not there takes its segment with it
            }

            built.AppendLiteral("/");
            foreach (var part in parts)
            {
                part.AppendTo(ref built, raw, values);
            }
        }

        return built.ToStringAndClear();
    }

    private static string Without(string path, string[] segments)
    {
        var rest = path.AsSpan();
        foreach (var expected in segments)
        {
            if (rest.IsEmpty)
            {
                return path;
            }

            rest = rest[1..];
            var end = rest.IndexOf('/') is >= 0 and var slash ? slash : rest.Length;
            if (!IsSame(rest[..end], expected))
            {
                return path;
            }

            rest = rest[end..];
        }

        return rest.ToString();
    }

    private static bool IsSame(ReadOnlySpan<char> raw, string expected) =>
        raw.Contains('%')
            ? Uri.UnescapeDataString(raw).Equals(expected, StringComparison.OrdinalIgnoreCase)
            : raw.Equals(expected, StringComparison.OrdinalIgnoreCase);

    // A value may read as anything but nothing.
    private static bool MayBe(string? text, string expected) => text is null ? expected.Length > 0 : IsSame(text, expected);

    private static List<string> NamesOf(PathPart[] parts) => [.. parts.Select(part => part.Name).OfType<string>()];

    private static string? LiteralOf(RoutePatternPathSegment segment) =>
        segment.Parts is [RoutePatternLiteralPart only] ? only.Content : null;

    private static List<string> NamesOf(RoutePatternPathSegment segment) =>
        [.. segment.Parts.OfType<RoutePatternParameterPart>().Select(part => part.Name)];

    private static string Rooted(string path) => path.StartsWith('/') ? path : $"/{path}";
}
