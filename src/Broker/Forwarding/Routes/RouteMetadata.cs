using Broker.Configuration;
using Broker.Credentials;
using Policies;

namespace Broker.Forwarding;

/// <summary>A route's metadata: where its right stands. Tells what it cannot read.</summary>
internal sealed class RouteMetadata(string routeId, IReadOnlyDictionary<string, string>? metadata, ConfigErrors mistakes)
{
    // csharpier-ignore
    private static readonly string[] Known =
    [
        "Action", "Reach", "Network", "DeviceType", "Device", "Deny", "Path", "PathReason", "Query", "Headers", "Body", "Account",
        "Credentials", "On401", "Cache", "SetCookie", "AtExpiry", "QueryCredential",
    ];

    private static readonly string[] Later = ["Filter", "Redact", "Observe"];

    private readonly IReadOnlyDictionary<string, string> values = metadata ?? new Dictionary<string, string>();

    /// <summary>For whoever writes a first route.</summary>
    public const string Example = """
        is missing: say which right a request needs, such as
            "Metadata": { "Action": "GetDevice",
                          "Device": "route:deviceId",
                          "Network": "const:12" }
        or make the route public with "AuthorizationPolicy": "Anonymous".
        """;

    /// <summary>Whether there is any.</summary>
    public bool IsThere => values.Count > 0;

    /// <summary>Whether the route says this at all.</summary>
    public bool Says(string key) => values.ContainsKey(key);

    public string? this[string key] => values.GetValueOrDefault(key);

    public void Error(string key, string message, string? because = null) =>
        mistakes.Error($"ReverseProxy:Routes:{routeId}:Metadata:{key}", message, because);

    public void Warning(string key, string message) => mistakes.Warning($"ReverseProxy:Routes:{routeId}:Metadata:{key}", message);

    /// <summary>Tells every key that is neither ours nor starts with <c>x-</c>.</summary>
    public void CheckKeys()
    {
        foreach (var key in values.Keys)
        {
            if (Later.Contains(key))
            {
                Error(
                    key,
                    "is not in this version of the broker: answers cannot be filtered, redacted or observed yet. Remove it, and the "
                        + "route with it if it needs it."
                );
            }
            else if (!Known.Contains(key) && !key.StartsWith("x-", StringComparison.Ordinal))
            {
                Error(key, $"is no key of the broker's. Known are {string.Join(", ", Known)}; a note of your own starts with 'x-'.");
            }
        }
    }

    /// <summary>One of these words, or the first where the route says nothing.</summary>
    public string Word(string key, params string[] words)
    {
        if (this[key] is not { } value)
        {
            return words[0];
        }

        if (!words.Contains(value))
        {
            Error(key, $"is one of {string.Join(", ", words.Select(word => $"\"{word}\""))}.");
        }

        return value;
    }

    /// <summary>The items of a list that stands in one text, with commas.</summary>
    public IReadOnlyList<string> List(string key) =>
        (this[key] ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    public Selector? Selector(string key) => this[key] is { } text ? Parsed(key, text) : null;

    /// <summary>The denials of <c>Deny</c>: <c>selector=id</c>, several with commas.</summary>
    public IEnumerable<(Selector Selector, string Id)> Denials()
    {
        if (this["Deny"] is not { } text || text == "true")
        {
            yield break;
        }

        foreach (var item in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var equals = item.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || equals == item.Length - 1)
            {
                Error("Deny", "is \"true\", or selector=id such as \"route:name=jwt.secret\", several with commas.");
            }
            else if (Parsed("Deny", item[..equals]) is { } selector)
            {
                yield return (selector, item[(equals + 1)..]);
            }
        }
    }

    /// <summary>The credentials that the route accepts; all where it says nothing.</summary>
    public CredentialKinds Credentials(IReadOnlyCollection<string> issuers)
    {
        if (this["Credentials"] is not { } text)
        {
            return CredentialKinds.Any;
        }

        var kinds = CredentialKinds.None;
        foreach (var word in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (
                Enum.TryParse<CredentialKinds>(word, out var kind)
                && kind is not (CredentialKinds.None or CredentialKinds.Any)
                && !char.IsDigit(word[0])
            )
            {
                kinds |= kind;
            }
            else
            {
                Error(
                    "Credentials",
                    $"lists some of ApiKey, Basic, Token (ours), Issuer (an external issuer's); '{word}' is none"
                        + (issuers.Contains(word) ? ": an issuer cannot be named alone." : ".")
                );
            }
        }

        return kinds;
    }

    private Selector? Parsed(string key, string text)
    {
        var selector = Policies.Selector.Parse(text, out var error);
        if (selector is null)
        {
            Error(key, $"{error}.");
        }
        else if (selector.Kind is SelectorKind.Body or SelectorKind.Form)
        {
            Error(key, "body: and form: selectors are not in this version of the broker: choose route:, query:, header: or const:.");
            return null;
        }

        return selector;
    }
}
