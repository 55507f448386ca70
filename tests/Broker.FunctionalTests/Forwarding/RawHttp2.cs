using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>One frame of HTTP/2.</summary>
internal sealed record Frame(byte Type, byte Flags, int Stream, byte[] Payload)
{
    public const byte Data = 0,
        Headers = 1,
        Reset = 3,
        Settings = 4,
        Ping = 6,
        GoAway = 7;

    public const byte EndStream = 1,
        EndHeaders = 4;
}

/// <summary>HTTP/2 without TLS by hand, frame by frame, from either side.</summary>
internal sealed class RawHttp2(Stream stream)
{
    public static readonly byte[] Preface = Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

    /// <summary>Asks as a client with these fields; the status, or 0 where the stream or the connection was ended instead.</summary>
    public static async Task<int> Ask(Uri address, params (string Name, string Value)[] fields)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, limit.Token);
        var raw = new RawHttp2(client.GetStream());
        await client.GetStream().WriteAsync(Preface, limit.Token);
        await raw.Write(new(Frame.Settings, 0, 0, []));
        await raw.Write(new(Frame.Headers, Frame.EndStream | Frame.EndHeaders, 1, Fields(fields)));
        while (await raw.Read() is { } frame)
        {
            switch (frame.Type)
            {
                case Frame.Headers:
                    return StatusOf(frame.Payload);
                case Frame.Reset or Frame.GoAway:
                    return 0;
            }
        }

        return 0;
    }

    public static byte[] Fields(params (string Name, string Value)[] fields)
    {
        var bytes = new List<byte>();
        foreach (var (name, value) in fields)
        {
            bytes.Add(0); // a literal that is not indexed, with a name of its own
            Add(name);
            Add(value);
        }

        return [.. bytes];

        void Add(string text)
        {
            bytes.Add((byte)text.Length); // shorter than 127
            bytes.AddRange(Encoding.Latin1.GetBytes(text));
        }
    }

    public async Task Write(Frame frame)
    {
        var bytes = new byte[9 + frame.Payload.Length];
        (bytes[0], bytes[1], bytes[2]) = (
            (byte)(frame.Payload.Length >> 16),
            (byte)(frame.Payload.Length >> 8),
            (byte)frame.Payload.Length
        );
        (bytes[3], bytes[4]) = (frame.Type, frame.Flags);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(5), frame.Stream);
        frame.Payload.CopyTo(bytes, 9);
        await stream.WriteAsync(bytes);
    }

    /// <summary>The next frame; null at the end.</summary>
    public async Task<Frame?> Read()
    {
        try
        {
            var head = new byte[9];
            await stream.ReadExactlyAsync(head);
            var payload = new byte[(head[0] << 16) | (head[1] << 8) | head[2]];
            await stream.ReadExactlyAsync(payload);
            return new(head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)) & int.MaxValue, payload);
        }
        catch (IOException)
        {
            return null;
        }
    }

    // The statuses that HPACK's table has are one byte; Kestrel writes any other as a literal of three digits.
    private static int StatusOf(byte[] block)
    {
        int[] known = [200, 204, 206, 304, 400, 404, 500];
        return block[0] is >= 0x88 and <= 0x8e
            ? known[block[0] - 0x88]
            : int.Parse(Encoding.ASCII.GetString(block, 2, 3), System.Globalization.CultureInfo.InvariantCulture);
    }
}
