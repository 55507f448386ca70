using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Simulators;

/// <summary>One whole HTTP answer.</summary>
public sealed record Answer
{
    private static readonly JsonSerializerOptions Format = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The status line's number.</summary>
    public int Status { get; init; } = 200;

    /// <summary>The media type of the body; no header when null.</summary>
    public string? ContentType { get; init; }

    /// <summary>The body, byte for byte.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Further headers, such as Location or Retry-After.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>A token was handed out.</summary>
    internal bool Granted { get; init; }

    /// <summary>An answer without a body.</summary>
    public static Answer Empty(int status) => new() { Status = status };

    /// <summary>An answer whose body is this text.</summary>
    public static Answer Text(int status, string body, string contentType = "text/plain; charset=utf-8") =>
        new()
        {
            Status = status,
            ContentType = contentType,
            Body = Encoding.UTF8.GetBytes(body),
        };

    /// <summary>An answer whose body is this value as JSON, names as they are.</summary>
    public static Answer Json(int status, object? body) =>
        new()
        {
            Status = status,
            ContentType = "application/json; charset=utf-8",
            Body = JsonSerializer.SerializeToUtf8Bytes(body, Format),
        };

    /// <summary>The same answer with one more header.</summary>
    public Answer With(string header, string value) => this with { Headers = new Dictionary<string, string>(Headers) { [header] = value } };

    /// <summary>
    /// Writes it; when cut, the promised length is the whole and what comes is half, at which Kestrel closes the connection.
    /// </summary>
    internal async Task WriteAsync(HttpContext context, bool cut = false)
    {
        var response = context.Response;
        response.StatusCode = Status;
        foreach (var (name, value) in Headers)
        {
            response.Headers[name] = value;
        }
        response.ContentType = ContentType;
        if (Status is 204 or 304 || HttpMethods.IsHead(context.Request.Method))
        {
            return;
        }
        response.ContentLength = Body.Length;
        await response.Body.WriteAsync(cut ? Body[..(Body.Length / 2)] : Body, context.RequestAborted);
    }
}
