using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Broker.Forwarding;

/// <summary>
/// Maps the addresses in one answer back to the broker's own; an address inside that has no counterpart outside does not leave.
/// </summary>
internal sealed class ResponseAddress
{
    // None of these stands in an address, and browsers read some of them as '/'.
    private static readonly SearchValues<char> NoAddress = SearchValues.Create("\\\"<> \t");
    private static readonly SearchValues<char> Seconds = SearchValues.Create("0123456789.");

    private readonly CompiledRoute route;
    private readonly Uri? asked;
    private readonly string ours;
    private readonly string? publicName;

    public ResponseAddress(HttpContext context, HttpResponseMessage answer, CompiledRoute route)
    {
        this.route = route;
        var sent = answer.RequestMessage?.RequestUri;
        asked = sent is null ? null : new Uri(sent.AbsoluteUri); // the address itself was sent byte for byte
        publicName = answer.RequestMessage?.Headers.Host;
        var raw = PathRule.RawPath(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        ours = new Uri($"http://broker{raw}").AbsolutePath;
    }

    /// <summary>Why the last address was dropped.</summary>
    public string Reason { get; private set; } = "";

    /// <summary>The address for the caller; null where there is none. Another host's is left alone.</summary>
    public string? Map(string address)
    {
        if (asked is null || address.AsSpan().ContainsAny(NoAddress) || !Uri.TryCreate(asked, address, out var target))
        {
            return Dropped("it is no address");
        }

        if (target.Scheme is not ("http" or "https"))
        {
            return Dropped($"its scheme is {target.Scheme}");
        }

        if (!IsAsked(target))
        {
            return IsInside(target) ? Dropped("it is another address of the upstream, which no caller has business with") : address;
        }

        // The route maps by prefix where our path ends as the upstream's does: /telemax/vehicles/42 and /vehicles/42.
        var theirs = asked.AbsolutePath;
        var common = ours == theirs ? ours.Length : CommonEnd(ours, theirs);
        var (ourPrefix, theirPrefix) = (ours[..^common], theirs[..^common]);
        if ((common <= 1 && ours != theirs) || !target.AbsolutePath.StartsWith($"{theirPrefix}/", StringComparison.Ordinal))
        {
            return Dropped("the route maps no path of the caller's to it");
        }

        var mapped = $"{ourPrefix}{target.AbsolutePath[theirPrefix.Length..]}{target.Query}{target.Fragment}";
        return mapped.StartsWith("//", StringComparison.Ordinal) ? Dropped("it would lead to another host") : mapped;
    }

    /// <summary>A <c>Link</c> without the links that cannot be mapped; null where none is left.</summary>
    public string? MapLinks(string value)
    {
        var links = new List<string>();
        for (var rest = value.AsSpan(); !rest.IsEmpty; )
        {
            rest = rest.TrimStart(" \t,");
            if (rest.IsEmpty)
            {
                break;
            }

            var close = rest.IndexOf('>');
            if (rest[0] != '<' || close < 0)
            {
                return Dropped("it is no list of links");
            }

            var end = close + 1 + EndOfParameters(rest[(close + 1)..]);
            var parameters = rest[(close + 1)..end].ToString();
            if (Map(rest[1..close].ToString()) is { } mapped && !NamesInside(parameters))
            {
                links.Add($"<{mapped}>{parameters.TrimEnd()}");
            }

            rest = rest[end..];
        }

        return links.Count == 0 ? null : string.Join(", ", links);
    }

    /// <summary>A <c>Refresh</c> with its address mapped.</summary>
    public string? MapRefresh(string value)
    {
        var seconds = value.AsSpan().TrimStart();
        var end = seconds.IndexOfAnyExcept(Seconds) is >= 0 and var found ? found : seconds.Length;
        var rest = seconds[end..].Trim(" \t;,");
        if (rest.IsEmpty)
        {
            return value;
        }

        if (rest.StartsWith("url", StringComparison.OrdinalIgnoreCase) && rest[3..].TrimStart() is ['=', ..] assigned)
        {
            rest = assigned[1..].Trim();
        }

        if (rest.Length >= 2 && rest[0] is '"' or '\'' && rest[^1] == rest[0])
        {
            rest = rest[1..^1];
        }

        return Map(rest.ToString()) is { } mapped ? $"{seconds[..end]};url={mapped}" : null;
    }

    private string? Dropped(string reason)
    {
        Reason = reason;
        return null;
    }

    private bool IsAsked(Uri target) =>
        target.Scheme == asked!.Scheme
        && target.UserInfo.Length == 0
        && (
            target.Authority.Equals(asked.Authority, StringComparison.OrdinalIgnoreCase)
            || target.Authority.Equals(publicName, StringComparison.OrdinalIgnoreCase)
        );

    private bool IsInside(Uri target) =>
        target.UserInfo.Length > 0
        || IsHost(target, asked!)
        || (publicName is not null && Uri.TryCreate($"http://{publicName}/", UriKind.Absolute, out var named) && IsHost(target, named))
        || route.Origins.Any(origin => IsHost(target, new Uri(origin)));

    private static bool IsHost(Uri target, Uri known) =>
        target.IdnHost.TrimEnd('.').Equals(known.IdnHost.TrimEnd('.'), StringComparison.OrdinalIgnoreCase);

    private bool NamesInside(string text) =>
        text.Contains(asked!.Host, StringComparison.OrdinalIgnoreCase)
        || route.Origins.Any(origin => text.Contains(new Uri(origin).Host, StringComparison.OrdinalIgnoreCase));

    // A comma in quotes ends no link.
    private static int EndOfParameters(ReadOnlySpan<char> text)
    {
        var isQuoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && isQuoted)
            {
                i++;
            }
            else if (text[i] == '"')
            {
                isQuoted = !isQuoted;
            }
            else if (text[i] == ',' && !isQuoted)
            {
                return i;
            }
        }

        return text.Length;
    }

    private static int CommonEnd(string left, string right)
    {
        var length = 0;
        while (length < left.Length && length < right.Length && left[^(length + 1)] == right[^(length + 1)])
        {
            length++;
        }

        // Only whole segments count as common.
        var end = left[^length..];
        var slash = end.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? 0 : length - slash;
    }
}
