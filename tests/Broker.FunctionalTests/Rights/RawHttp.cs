using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Broker.FunctionalTests.Rights;

/// <summary>What came back, as it stood on the wire.</summary>
internal sealed record RawAnswer(int Status, IReadOnlyList<(string Name, string Value)> Headers, string Body)
{
    /// <summary>The refusal's code; null when the body is none of ours.</summary>
    public string? Code => Body.StartsWith("{\"type\"", StringComparison.Ordinal) ? (string?)JsonNode.Parse(Body)!["code"] : null;

    public string? Message => (string?)JsonNode.Parse(Body)!["message"];

    public string? this[string name] =>
        Headers
            .Where(header => header.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            .Select(header => header.Value)
            .SingleOrDefault();

    public override string ToString() => $"{Status} {Body}";
}

/// <summary>Exact bytes to a server, and its answer: nothing is normalised on the way.</summary>
internal static class RawHttp
{
    /// <summary>A request line and header lines; a body goes after a blank line as it stands.</summary>
    public static Task<RawAnswer> Ask(Uri address, string requestLine, IEnumerable<string> headers, string body = "") =>
        Send(address, $"{requestLine}\r\n{string.Concat(headers.Select(header => $"{header}\r\n"))}\r\n{body}");

    public static async Task<RawAnswer> Send(Uri address, string text)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, limit.Token);
        var stream = client.GetStream();
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(text), limit.Token);
        }
        catch (IOException)
        {
            // it answered and closed before it read everything
        }

        return await Read(stream, isHead: text.StartsWith("HEAD ", StringComparison.Ordinal), limit.Token);
    }

    public static async Task<RawAnswer> Read(Stream stream, bool isHead, CancellationToken cancellation)
    {
        var head = (await Until(stream, "\r\n\r\n", cancellation)).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = head.Skip(1).Select(line => line.Split(": ", 2)).Select(pair => (pair[0], pair.Length > 1 ? pair[1] : "")).ToList();
        var answer = new RawAnswer(int.Parse(head[0].Split(' ')[1], CultureInfo.InvariantCulture), headers, "");
        if (isHead || answer.Status is 204 or 304 or < 200)
        {
            return answer with { Body = isHead ? await Rest(stream) : "" };
        }

        if (answer["Content-Length"] is { } length)
        {
            return answer with { Body = await Exactly(stream, int.Parse(length, CultureInfo.InvariantCulture), cancellation) };
        }

        return answer with
        {
            Body = answer["Transfer-Encoding"] == "chunked" ? await Chunks(stream, cancellation) : "",
        };
    }

    // What follows a HEAD's headers must be nothing: look at what is there already.
    private static async Task<string> Rest(Stream stream)
    {
        var network = (NetworkStream)stream;
        return network.DataAvailable ? await Exactly(stream, 1, CancellationToken.None) : "";
    }

    private static async Task<string> Chunks(Stream stream, CancellationToken cancellation)
    {
        var body = new StringBuilder();
        while (true)
        {
            var size = int.Parse((await Until(stream, "\r\n", cancellation)).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (size == 0)
            {
                return body.ToString();
            }

            body.Append(await Exactly(stream, size, cancellation));
            await Exactly(stream, 2, cancellation);
        }
    }

    private static async Task<string> Until(Stream stream, string end, CancellationToken cancellation)
    {
        var text = new StringBuilder();
        var one = new byte[1];
        while (!(text.Length >= end.Length && text.ToString(text.Length - end.Length, end.Length) == end))
        {
            if (await stream.ReadAsync(one, cancellation) == 0)
            {
                throw new EndOfStreamException($"The server closed the connection after '{text}'.");
            }

            text.Append((char)one[0]);
        }

        return text.ToString();
    }

    private static async Task<string> Exactly(Stream stream, int count, CancellationToken cancellation)
    {
        var bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes, cancellation);
        return Encoding.Latin1.GetString(bytes);
    }
}
