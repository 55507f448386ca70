using Yarp.ReverseProxy.Configuration;

namespace Broker.Forwarding;

/// <summary>
/// The values of a route's Path that transforms put into the query or a header, and that are still there, alone, when the request leaves.
/// </summary>
internal sealed class CarriedValues
{
    // By the name under which a value leaves; null where something else may stand there as well.
    private readonly Dictionary<string, string?> query = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, string?> headers = new(StringComparer.OrdinalIgnoreCase);

    public CarriedValues(RouteConfig route, Func<string, bool> callerMaySendQuery)
    {
        foreach (var transform in route.Transforms ?? [])
        {
            if (transform.TryGetValue("QueryRouteParameter", out var name))
            {
                Put(query, name, transform, isFree: !callerMaySendQuery(name) && !query.ContainsKey(name), inHeader: false);
            }
            else if (transform.TryGetValue("RequestHeaderRouteValue", out name))
            {
                Put(headers, name, transform, isFree: false, inHeader: true);
            }
            else if (transform.TryGetValue("QueryRemoveParameter", out name) || transform.TryGetValue("QueryValueParameter", out name))
            {
                query[name] = null;
            }
            else if (
                transform.TryGetValue("RequestHeaderRemove", out name)
                || transform.TryGetValue("RequestHeader", out name)
                || transform.TryGetValue("ClientCert", out name)
            )
            {
                headers[name] = null;
            }
            else if (transform.TryGetValue("RequestHeadersAllowed", out var names))
            {
                // It copies what the caller sends, beside what stands there by then.
                foreach (var allowed in names.Split(';', StringSplitOptions.TrimEntries))
                {
                    headers[allowed] = null;
                }
            }
        }
    }

    /// <summary>Every value that a transform reads.</summary>
    public List<string> Read { get; } = [];

    /// <summary>Those that a transform puts into a header.</summary>
    public List<string> InHeaders { get; } = [];

    /// <summary>The query names under which a value leaves.</summary>
    public IEnumerable<string> QueryNames => query.Where(pair => pair.Value is not null).Select(pair => pair.Key);

    public bool Keeps(string name) => query.Values.Concat(headers.Values).Contains(name, StringComparer.OrdinalIgnoreCase);

    private void Put(
        Dictionary<string, string?> place,
        string name,
        IReadOnlyDictionary<string, string> transform,
        bool isFree,
        bool inHeader
    )
    {
        var isSet = transform.TryGetValue("Set", out var value);
        if (!isSet && !transform.TryGetValue("Append", out value))
        {
            return; // YARP's validator tells it
        }

        place[name] = isSet || isFree ? value : null;
        (inHeader ? InHeaders : Read).Add(value!);
    }
}
