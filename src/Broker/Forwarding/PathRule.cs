using System.Buffers;

namespace Broker.Forwarding;

/// <summary>One clear path: what an upstream could read differently from what was routed is refused (rights.md 9).</summary>
internal static class PathRule
{
    // Whatever is not one of these makes the slow, exact look necessary.
    private static readonly SearchValues<char> Plain =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@");

    /// <summary>Why the path of a raw request target is refused; null when it is clear.</summary>
    public static string? Problem(ReadOnlySpan<char> rawTarget)
    {
        var path = PathOf(rawTarget);
        if (path.IsEmpty || path[0] != '/')
        {
            return "The path does not start with '/'.";
        }

        path = path[1..];
        while (true)
        {
            var slash = path.IndexOf('/');
            var segment = slash < 0 ? path : path[..slash];
            var isLast = slash < 0;
            if (segment.IsEmpty && !isLast)
            {
                return "The path has an empty segment.";
            }

            if (!segment.IsEmpty && (segment[^1] == '.' || segment.ContainsAnyExcept(Plain)) && SegmentProblem(segment.ToString()) is { } problem)
            {
                return problem;
            }

            if (isLast)
            {
                return null;
            }

            path = path[(slash + 1)..];
        }
    }

    private static ReadOnlySpan<char> PathOf(ReadOnlySpan<char> target)
    {
        var scheme = target.IndexOf("://", StringComparison.Ordinal);
        var query = target.IndexOf('?');
        if (scheme > 0 && (query < 0 || scheme < query) && target[0] != '/')
        {
            // absolute-form (RFC 9112, 3.2.2)
            target = target[(scheme + 3)..];
            var slash = target.IndexOf('/');
            target = slash < 0 ? "/" : target[slash..];
            query = target.IndexOf('?');
        }

        return query < 0 ? target : target[..query];
    }

    private static string? SegmentProblem(string raw)
    {
        // Decoded twice: a second reader behind the upstream (a servlet filter, a rewrite rule) often decodes once more.
        var once = Uri.UnescapeDataString(raw);
        var twice = Uri.UnescapeDataString(once);
        return CharacterProblem(raw) ?? CharacterProblem(once) ?? CharacterProblem(twice) ?? EndProblem(once) ?? EndProblem(twice);
    }

    private static string? CharacterProblem(string segment)
    {
        foreach (var c in segment)
        {
            if (c is ';' or '\\' or '/')
            {
                return $"The path holds '{c}', raw or encoded, inside a segment.";
            }

            if (char.IsControl(c))
            {
                return "The path holds a control character.";
            }
        }

        return null;
    }

    private static string? EndProblem(string segment) =>
        segment.Length > 0 && segment[^1] is '.' or ' ' ? "A segment of the path is a dot segment, or ends with a dot or a blank." : null;
}
