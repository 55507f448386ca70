namespace Policies;

/// <summary>Where in a request an id stands.</summary>
public enum SelectorKind
{
    /// <summary>A value of the route's pattern: <c>route:deviceId</c>.</summary>
    Route,

    /// <summary>A query value: <c>query:deviceId</c>.</summary>
    Query,

    /// <summary>A query value with commas: <c>query:networkIds[]</c>.</summary>
    QueryList,

    /// <summary>A header: <c>header:UserDeviceToken</c>.</summary>
    Header,

    /// <summary>A JSON Pointer into the body: <c>body:/Identifiers/UserId</c>.</summary>
    Body,

    /// <summary>A form field: <c>form:UserName</c>.</summary>
    Form,

    /// <summary>The config's own word: <c>const:12</c>.</summary>
    Const,
}

/// <summary>A parsed selector: where in a request an id stands.</summary>
/// <param name="Kind">The part of the request.</param>
/// <param name="Name">The name there; a constant's value.</param>
/// <param name="IsOptional">Whether true absence means all.</param>
public sealed record Selector(SelectorKind Kind, string Name, bool IsOptional)
{
    /// <summary>Reads a selector as a route's metadata writes it.</summary>
    /// <returns>Null when it is none; <paramref name="error"/> then says why.</returns>
    public static Selector? Parse(string text, out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        error = null;
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        SelectorKind? kind = colon < 0 ? null : KindOf(text[..colon]);
        if (kind is null)
        {
            error = "a selector is one of route:NAME, query:NAME, query:NAME[], header:NAME or const:VALUE";
            return null;
        }

        var optional = text.EndsWith('?') && kind != SelectorKind.Const;
        var name = text[(colon + 1)..(optional ? ^1 : ^0)];
        if (kind == SelectorKind.Query && name.EndsWith("[]", StringComparison.Ordinal))
        {
            (kind, name) = (SelectorKind.QueryList, name[..^2]);
        }

        error = Problem(kind.Value, name, optional);
        return error is null ? new(kind.Value, name, optional) : null;
    }

    /// <summary>As a route's metadata writes it.</summary>
    public override string ToString() =>
        $"{(Kind == SelectorKind.QueryList ? "query" : Kind.ToString().ToLowerInvariant())}:{Name}"
        + (Kind == SelectorKind.QueryList ? "[]" : "")
        + (IsOptional ? "?" : "");

    private static SelectorKind? KindOf(string word) =>
        word switch
        {
            "route" => SelectorKind.Route,
            "query" => SelectorKind.Query,
            "header" => SelectorKind.Header,
            "body" => SelectorKind.Body,
            "form" => SelectorKind.Form,
            "const" => SelectorKind.Const,
            _ => null,
        };

    private static string? Problem(SelectorKind kind, string name, bool optional)
    {
        if (name.Length == 0 || name != name.Trim())
        {
            return "the name after the colon is missing, or has blanks around it";
        }

        if (kind == SelectorKind.Body && name[0] != '/')
        {
            return "a JSON Pointer starts with '/'";
        }

        return kind == SelectorKind.Route && optional ? "a route value is always there: drop the '?'" : null;
    }
}
