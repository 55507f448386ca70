using Microsoft.AspNetCore.Http;

namespace Broker.Forwarding;

/// <summary>
/// The values of a route's Path that are more than text on its way: each is read in one way only, or the request is refused.
/// </summary>
/// <remarks>The server leaves <c>%2F</c> and what is no UTF-8 as it stands, so that two raw texts may come out as one value.</remarks>
/// <param name="decided">Those that a selector or a denial reads, and those that a transform puts elsewhere.</param>
/// <param name="partial">Those that PathPattern takes out of a longer segment.</param>
/// <param name="inHeaders">Those that a transform puts into a header.</param>
internal sealed class UsedValues(
    IReadOnlyCollection<string> decided,
    IReadOnlyCollection<string> partial,
    IReadOnlyCollection<string> inHeaders
)
{
    private readonly string[] all = [.. decided.Concat(partial).Concat(inHeaders).Distinct(StringComparer.OrdinalIgnoreCase)];
    private readonly string[] inHeaders = [.. inHeaders];

    /// <summary>Gives each value its exact text. What is wrong where there is none.</summary>
    public string? Settle(HttpRequest request, string rawTarget, LeavingPath path)
    {
        if (all.Length > 0 && request.Path.Value!.Contains('%', StringComparison.Ordinal))
        {
            var rawPath = PathRule.RawPath(rawTarget);
            foreach (var name in all)
            {
                if (request.RouteValues[name] is not string value || !value.Contains('%', StringComparison.Ordinal))
                {
                    continue;
                }

                if (path.RawOf(name, rawPath) is not { } raw || !Escapes.AreUtf8(raw))
                {
                    return $"The path's value '{name}' holds an escape that can be read in two ways.";
                }

                request.RouteValues[name] = Uri.UnescapeDataString(raw);
            }
        }

        foreach (var name in inHeaders)
        {
            if (request.RouteValues[name] is string value && value.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            {
                return $"The path's value '{name}' goes into a header, which cannot hold it.";
            }
        }

        return null;
    }
}
