using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Broker.TokenService;

/// <summary>Reads a request's body, small and whole.</summary>
internal static class RequestBodyReader
{
    private const int MaxBytes = 64 * 1024;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    /// <summary>Null when it is too large. Who sets a deadline cancels the pending read of the request's reader.</summary>
    /// <remarks>Not by a token: a read that a token ended stays open for Kestrel, which then fails to read the rest, and logs it.</remarks>
    /// <exception cref="BadHttpRequestException">Status 408: the deadline came first.</exception>
    public static async Task<byte[]?> Read(HttpRequest request)
    {
        if (request.ContentLength > MaxBytes)
        {
            return null;
        }

        var kept = new ArrayBufferWriter<byte>();
        while (true)
        {
            var result = await request.BodyReader.ReadAsync(CancellationToken.None);
            var (buffer, isLarge) = (result.Buffer, kept.WrittenCount + result.Buffer.Length > MaxBytes);
            foreach (var part in isLarge ? ReadOnlySequence<byte>.Empty : buffer)
            {
                kept.Write(part.Span);
            }

            request.BodyReader.AdvanceTo(buffer.End);
            if (isLarge)
            {
                return null;
            }

            if (result.IsCanceled)
            {
                throw new BadHttpRequestException("The request's body did not come in time.", StatusCodes.Status408RequestTimeout);
            }

            if (result.IsCompleted)
            {
                return kept.WrittenSpan.ToArray();
            }
        }
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
