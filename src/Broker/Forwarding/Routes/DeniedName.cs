using System.Collections.Frozen;

namespace Broker.Forwarding;

/// <summary>A denied id, or a denied segment of a path, in each form that a reader behind the broker may take for it.</summary>
internal sealed class DeniedName
{
    // What upstreams take off as the form in which an answer is wanted, or that their servers map to a handler.
    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> Formats = """
        json jsonp json5 ndjson jsonl geojson hal xml rss atom wsdl wadl xsd html htm xhtml txt text md csv tsv xls xlsx ods
        yaml yml toml ini properties
        js mjs css map pdf rtf doc docx bin dat pb proto msgpack cbor bson png gif jpg jpeg svg ico webp kml gpx gml zip gz br tar tgz bz2 zst
        php phtml asp aspx ashx asmx axd jsp jspx jspa jsf faces do action cgi pl py rb svc cfm shtml bak old orig tmp swp log
        """.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(
        StringComparer.OrdinalIgnoreCase
    ).GetAlternateLookup<ReadOnlySpan<char>>();

    private readonly string id;
    private readonly string[] folded;

    public DeniedName(string id)
    {
        this.id = id;
        folded = [.. new[] { Folding.Fold(id), Folding.Fold(Uri.UnescapeDataString(id)) }.Distinct().Where(form => form.Length > 0)];
    }

    /// <summary>Whether an id, or one of several with commas, is the denied one.</summary>
    public bool Names(string named) =>
        named.Equals(id, StringComparison.OrdinalIgnoreCase) || (Readings.IsPlain(named) ? IsDenied(named) : Readings.Any(named, NamesIn));

    private bool NamesIn(string reading)
    {
        foreach (var part in reading.AsSpan().Split(','))
        {
            if (
                IsDenied(reading.AsSpan(part))
                || (
                    reading.AsSpan(part).ContainsAny('/', '\\')
                    && (Resolved(reading[part].TrimStart(' ', '+')) is not { } path || IsDenied(path))
                )
            )
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// A folded path without dot segments, empty ones and what follows a ';' in each; null when it climbs out of where it began.
    /// </summary>
    public static string? Resolved(string path)
    {
        var segments = new List<string>();
        foreach (var segment in path.Split('/', '\\').Select(segment => segment.Split(';')[0].Trim()))
        {
            if (segment == "..")
            {
                if (segments.Count == 0)
                {
                    return null;
                }

                segments.RemoveAt(segments.Count - 1);
            }
            else if (segment.TrimEnd('.', ' ') is { Length: > 0 } name)
            {
                segments.Add(name);
            }
        }

        return string.Join('/', segments);
    }

    /// <summary>Whether a text that is folded, or has one reading, is the denied one.</summary>
    public bool IsDenied(ReadOnlySpan<char> named)
    {
        foreach (var form in folded)
        {
            if (Begins(named, form) || Begins(named.TrimStart(), form) || Begins(named.TrimStart(" +"), form))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Begins(ReadOnlySpan<char> named, string form) =>
        named.StartsWith(form, StringComparison.OrdinalIgnoreCase) && MayBeLeftOut(named[form.Length..]);

    /// <summary>Whether an upstream may read an id without this behind it.</summary>
    private static bool MayBeLeftOut(ReadOnlySpan<char> rest)
    {
        while (!rest.IsEmpty)
        {
            var first = rest[0];
            if (first is '?' or '#' or ';' or '&' || char.IsControl(first) || (first == ':' && IsStream(rest)))
            {
                return true; // whatever follows is no longer the id
            }

            var format = 1;
            while (first == '.' && format < rest.Length && char.IsAsciiLetterOrDigit(rest[format]))
            {
                format++;
            }

            if (first is not (' ' or '+' or '.' or '/' or '\\') || (format > 1 && !Formats.Contains(rest[1..format])))
            {
                return false;
            }

            rest = rest[format..];
        }

        return true;
    }

    // On Windows a file's own content is also its name and "::$DATA".
    private static bool IsStream(ReadOnlySpan<char> rest) => rest.StartsWith("::") || rest.Contains(":$", StringComparison.Ordinal);
}
