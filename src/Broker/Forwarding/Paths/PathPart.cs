using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Broker.Forwarding;

/// <summary>A part of a segment of PathPattern: a text, or a value of the route's Path with the place where its raw text stands.</summary>
internal sealed class PathPart
{
    private const int Nowhere = -1;

    private readonly int segment = Nowhere;
    private readonly bool takesRest;
    private readonly bool givesRest;
    private readonly string? whenMissing;

    private PathPart(string literal) => Literal = literal;

    private PathPart(RoutePatternParameterPart parameter, RoutePattern match)
    {
        Name = parameter.Name;
        givesRest = parameter.IsCatchAll;
        whenMissing = (parameter.Default ?? match.GetParameter(Name)?.Default) as string;
        for (var i = 0; i < match.PathSegments.Count; i++)
        {
            var found = match
                .PathSegments[i]
                .Parts.OfType<RoutePatternParameterPart>()
                .FirstOrDefault(part => part.Name.Equals(Name, StringComparison.OrdinalIgnoreCase));
            if (found is not null)
            {
                (segment, takesRest, IsWhole) = (i, found.IsCatchAll, match.PathSegments[i].IsSimple);
            }
        }
    }

    /// <summary>The text, encoded; empty for a value.</summary>
    public string Literal { get; } = "";

    /// <summary>The value's name; null for a text.</summary>
    public string? Name { get; }

    /// <summary>Whether the value is a whole segment of the route's Path, or all that follows.</summary>
    public bool IsWhole { get; }

    public static PathPart[] Of(RoutePatternPathSegment segment, RoutePattern match) =>
        [
            .. segment.Parts.Select(part =>
                part switch
                {
                    RoutePatternParameterPart parameter => new PathPart(parameter, match),
                    RoutePatternLiteralPart text => new PathPart(LeavingPath.Encode(text.Content)),
                    RoutePatternSeparatorPart text => new PathPart(LeavingPath.Encode(text.Content)),
                    _ => throw new InvalidOperationException($"A route pattern has no part {part.GetType().Name}."),
                }
            ),
        ];

    public static PathPart Of(RoutePatternParameterPart parameter, RoutePattern match) => new(parameter, match);

    /// <summary>The raw text of the value in this raw path; empty where it is not there.</summary>
    public ReadOnlySpan<char> In(ReadOnlySpan<char> raw)
    {
        for (var i = 0; i < segment && !raw.IsEmpty; i++)
        {
            raw = raw[1..];
            raw = raw.IndexOf('/') is >= 0 and var slash ? raw[slash..] : default;
        }

        if (raw.IsEmpty || segment == Nowhere)
        {
            return default;
        }

        raw = raw[1..];
        return !takesRest && raw.IndexOf('/') is >= 0 and var end ? raw[..end] : raw;
    }

    public bool IsEmpty(string raw, RouteValueDictionary values) =>
        !(IsWhole && !In(raw).IsEmpty) && string.IsNullOrEmpty(values[Name!] as string) && string.IsNullOrEmpty(whenMissing);

    public void AppendTo(ref DefaultInterpolatedStringHandler built, string raw, RouteValueDictionary values)
    {
        if (Name is null)
        {
            built.AppendLiteral(Literal);
            return;
        }

        if (!IsWhole || In(raw) is not { IsEmpty: false } found)
        {
            // A part of a segment: admission has seen to it that the decoded value is exact. Or a value that the pattern itself brings.
            built.AppendFormatted(LeavingPath.Encode(values[Name] as string ?? whenMissing ?? ""));
        }
        else if (takesRest && !givesRest && found.Contains('/'))
        {
            built.AppendFormatted(found.ToString().Replace("/", "%2F", StringComparison.Ordinal)); // one segment holds it all
        }
        else
        {
            built.AppendFormatted(found);
        }
    }
}
