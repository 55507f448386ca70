using System.Buffers;

namespace Broker.Forwarding;

/// <summary>One clear path: what an upstream could read differently from what was routed is refused (rights.md 9).</summary>
internal static class PathRule
{
    // Whatever is not one of these makes the slow, exact look necessary.
    private static readonly SearchValues<char> Plain = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=:@"
    );

    private static readonly SearchValues<char> Authority = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:[]"
    );

    /// <summary>Why the path of a raw request target is refused; null when it is clear.</summary>
    /// <param name="rawTarget">As it stood in the request line.</param>
    /// <param name="isLoose">Only what would make the path that leaves another one than the path that was routed is refused.</param>
    public static string? Problem(ReadOnlySpan<char> rawTarget, bool isLoose = false)
    {
        var path = PathOf(rawTarget);
        if (path.IsEmpty || path[0] != '/')
        {
            return "The request's target is neither a path that starts with '/' nor an address with one.";
        }

        path = path[1..];
        if (isLoose)
        {
            return LooseProblem(path);
        }

        while (true)
        {
            var slash = path.IndexOf('/');
            var segment = slash < 0 ? path : path[..slash];
            var isLast = slash < 0;
            if (segment.IsEmpty && !isLast)
            {
                return "The path has an empty segment.";
            }

            if (
                !segment.IsEmpty
                && (segment[^1] == '.' || segment.ContainsAnyExcept(Plain))
                && SegmentProblem(segment.ToString()) is { } problem
            )
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

    /// <summary>
    /// The raw path that leaves where no transform changes it: byte for byte, but for a raw '#', at which some upstreams would end it.
    /// </summary>
    public static string RawPath(string target)
    {
        var path = PathOf(target);
        var plain = path.Length == target.Length ? target : path.ToString();
        return plain.Contains('#', StringComparison.Ordinal) ? plain.Replace("#", "%23", StringComparison.Ordinal) : plain;
    }

    // The server resolves dot segments before it routes: the path that leaves would not be the one that was routed.
    private static string? LooseProblem(ReadOnlySpan<char> path)
    {
        if (path.ContainsAnyExceptInRange('!', '~'))
        {
            return "The path holds a raw control character.";
        }

        foreach (var range in path.Split('/'))
        {
            var segment = path[range];
            if (segment.Length > 0 && segment[0] is '.' or '%' && Uri.UnescapeDataString(segment) is "." or "..")
            {
                return "The path has a dot segment.";
            }
        }

        return null;
    }

    /// <summary>Whether an address in place of a path (absolute-form; RFC 9112, 3.2.2) was routed by the very path that leaves.</summary>
    /// <remarks>For such a target the server has a reader of its own: to it '\\' is '/', '#' ends the path, and %2F is a slash.</remarks>
    public static bool IsRoutedAsItLeaves(string target, string? routed) =>
        target.StartsWith('/')
        || (
            PathOf(target) is var path
            && !path.ContainsAny('\\', '#')
            && !path.Contains("%2F", StringComparison.OrdinalIgnoreCase)
            && !path.Contains("%5C", StringComparison.OrdinalIgnoreCase)
            && Uri.UnescapeDataString(path) == routed
        );

    private static ReadOnlySpan<char> PathOf(ReadOnlySpan<char> target)
    {
        if (!target.IsEmpty && target[0] != '/')
        {
            var scheme = target.IndexOf("://", StringComparison.Ordinal);
            var isHttp =
                scheme > 0
                && target[..scheme] is var name
                && (name.Equals("http", StringComparison.OrdinalIgnoreCase) || name.Equals("https", StringComparison.OrdinalIgnoreCase));
            target = isHttp ? target[(scheme + 3)..] : default;

            // The authority ends where it holds what none of its readers takes for a part of it; that has to be the path.
            target = target.IndexOfAnyExcept(Authority) is > 0 and var end ? target[end..] : default;
        }

        return target.IndexOf('?') is >= 0 and var query ? target[..query] : target;
    }

    private static string? SegmentProblem(string raw)
    {
        // Decoded twice: a second reader behind the upstream (a servlet filter, a rewrite rule) often decodes once more.
        var once = Uri.UnescapeDataString(raw);
        var twice = Uri.UnescapeDataString(once);
        return CharacterProblem(raw)
            ?? CharacterProblem(once)
            ?? CharacterProblem(twice)
            ?? EndProblem(once)
            ?? EndProblem(twice)
            ?? OverlongProblem(raw)
            ?? OverlongProblem(once);
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

    // A careless decoder reads %C0%AE as '.' and %C0%AF as '/'; .NET's leaves such escapes as they are.
    private static string? OverlongProblem(string segment)
    {
        for (var at = segment.IndexOf('%', StringComparison.Ordinal); at >= 0; at = segment.IndexOf('%', at + 1))
        {
            if (
                Escapes.TryRead(segment.AsSpan(at), out var lead)
                && Escapes.TryRead(segment.AsSpan(at + 3), out var next)
                && next is >= 0x80 and <= 0xBF
                && (lead is 0xC0 or 0xC1 || (lead == 0xE0 && next < 0xA0) || (lead == 0xF0 && next < 0x90))
            )
            {
                return "The path holds an overlong encoding of a character.";
            }
        }

        return null;
    }

    private static string? EndProblem(string segment) =>
        segment.Length > 0 && segment[^1] is '.' or ' ' ? "A segment of the path is a dot segment, or ends with a dot or a blank." : null;
}
