using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

namespace Simulators;

/// <summary>One request as a route reads it.</summary>
internal sealed class Call(HttpContext context, string body)
{
    private Dictionary<string, StringValues>? _form;

    public HttpContext Context => context;

    public string Body => body;

    public string? ContentType =>
        MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var type) ? type.MediaType : context.Request.ContentType;

    public bool HasForm => string.Equals(ContentType, "application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase);

    public IReadOnlyDictionary<string, StringValues> Form => _form ??= HasForm ? QueryHelpers.ParseQuery(body) : [];

    /// <summary>The body as JSON; null when it is none.</summary>
    public JsonElement? Json
    {
        get
        {
            try
            {
                return JsonElement.Parse(body);
            }
            catch (JsonException)
            {
                return null;
            }
        }
    }

    /// <summary>What follows "Bearer " in Authorization.</summary>
    public string? Bearer =>
        Header("Authorization") is { } value && value.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? value[7..].Trim() : null;

    public string Route(string name) => context.GetRouteValue(name) as string ?? "";

    public long RouteId(string name) => Ids.Parse(Route(name));

    public string? Query(string name) => context.Request.Query.TryGetValue(name, out var values) ? values[0] : null;

    public string? Header(string name) => context.Request.Headers.TryGetValue(name, out var values) ? values.ToString() : null;

    public string? Field(string name) => Form.TryGetValue(name, out var values) ? values[0] : null;
}
