using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Broker.Issuing;

/// <summary>Reads a request's body, small and whole.</summary>
internal static class OwnBody
{
    private const int MaxBytes = 64 * 1024;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    /// <summary>Null when it is too large.</summary>
    public static async Task<byte[]?> Read(HttpRequest request, CancellationToken cancellation)
    {
        if (request.ContentLength > MaxBytes)
        {
            return null;
        }

        using var kept = new MemoryStream();
        var part = new byte[4096];
        while (await request.Body.ReadAsync(part, cancellation) is > 0 and var count)
        {
            if (kept.Length + count > MaxBytes)
            {
                return null;
            }

            kept.Write(part, 0, count);
        }

        return kept.ToArray();
    }

    /// <summary>Null when it is no JSON object in every detail: a member twice, or half a surrogate pair, is none.</summary>
    public static JsonElement? Object(byte[] utf8)
    {
        try
        {
            var element = JsonElement.Parse(utf8, Strict);
            if (element.ValueKind != JsonValueKind.Object)
            {
                return null;
            }

            Walk(element);
            return element;
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static void Walk(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.String)
        {
            element.GetString();
        }
        else if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray())
            {
                Walk(item);
            }
        }
        else if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in element.EnumerateObject())
            {
                _ = member.Name;
                Walk(member.Value);
            }
        }
    }
}
