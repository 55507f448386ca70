using System.Buffers;
using System.Globalization;
using System.Net.WebSockets;
using System.Security.Cryptography;

namespace Simulators;

/// <summary>The routes that stream: server-sent events, a WebSocket echo, and an upload that is counted as it comes.</summary>
internal sealed class OAuth2Streams(TimeProvider time, Func<Call, CancellationTokenSource> until, Func<Call, Answer?> admit)
{
    private const int ChunkSize = 64 * 1024;

    public void Map(Routes routes)
    {
        routes.Stream("GET", "/api/stream", admit, SendEventsAsync);
        routes.Stream("GET", "/api/ws", admit, EchoAsync);
        routes.Stream("POST", "/api/upload", admit, CountAsync);
    }

    /// <summary>?events=3 events, ?interval=0 milliseconds apart.</summary>
    private async Task SendEventsAsync(Call call)
    {
        using var giveUp = until(call);
        var response = call.Context.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache";
        await response.Body.FlushAsync(giveUp.Token);
        var events = Number(call.Query("events"), 3);
        var interval = TimeSpan.FromMilliseconds(Number(call.Query("interval"), 0));
        for (var number = 1; number <= events; number++)
        {
            if (number > 1 && interval > TimeSpan.Zero)
            {
                await Task.Delay(interval, time, giveUp.Token);
            }
            await response.Body.WriteAsync(
                System.Text.Encoding.UTF8.GetBytes($"id: {number}\ndata: {{\"number\":{number}}}\n\n"),
                giveUp.Token
            );
            await response.Body.FlushAsync(giveUp.Token);
        }
    }

    private async Task EchoAsync(Call call)
    {
        if (!call.Context.WebSockets.IsWebSocketRequest)
        {
            await Answer.Empty(426).With("Upgrade", "websocket").WriteAsync(call.Context);
            return;
        }
        using var giveUp = until(call);
        using var socket = await call.Context.WebSockets.AcceptWebSocketAsync();
        var buffer = new byte[ChunkSize];
        try
        {
            while (
                await socket.ReceiveAsync(buffer.AsMemory(), giveUp.Token) is var received
                && received.MessageType != WebSocketMessageType.Close
            )
            {
                await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, giveUp.Token);
            }
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, giveUp.Token);
        }
        catch (WebSocketException)
        {
            // The other side is gone without a close frame.
        }
    }

    private async Task CountAsync(Call call)
    {
        using var giveUp = until(call);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkSize);
        long bytes = 0;
        try
        {
            while (await call.Context.Request.Body.ReadAsync(buffer, giveUp.Token) is var read and > 0)
            {
                hash.AppendData(buffer, 0, read);
                bytes += read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        await Answer.Json(200, new { bytes, sha256 = Convert.ToHexStringLower(hash.GetHashAndReset()) }).WriteAsync(call.Context);
    }

    private static int Number(string? text, int otherwise) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
