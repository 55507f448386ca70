using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Broker.FunctionalTests.Operations;

/// <summary>One HTTP/2 connection in cleartext, frame by frame: it can do what no client library would.</summary>
internal sealed class RawHttp2 : IDisposable
{
    public const byte Data = 0,
        Headers = 1,
        Reset = 3,
        Settings = 4,
        GoAway = 7;

    private const byte EndStream = 1,
        EndHeaders = 4,
        Acknowledged = 1;

    private readonly TcpClient client;
    private readonly Stream stream;
    private readonly List<byte> gathered = [];

    private RawHttp2(TcpClient client) => (this.client, stream) = (client, client.GetStream());

    /// <summary>Connects and says hello.</summary>
    public static async Task<RawHttp2> Connect(Uri address)
    {
        var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(address.Host, address.Port);
        var connection = new RawHttp2(client);
        connection.gathered.AddRange("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
        connection.Add(Settings, 0, 0, []);
        await connection.Send();
        return connection;
    }

    /// <summary>Adds a frame to what is sent next.</summary>
    public void Add(byte type, byte flags, int id, ReadOnlySpan<byte> payload)
    {
        Span<byte> head = stackalloc byte[9];
        BinaryPrimitives.WriteInt32BigEndian(head, payload.Length << 8);
        (head[3], head[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(head[5..], id);
        gathered.AddRange(head);
        gathered.AddRange(payload);
    }

    /// <summary>Adds a request's head; names and values go literally.</summary>
    public void AddRequest(int id, bool hasBody, params (string Name, string Value)[] headers)
    {
        var block = new List<byte>();
        foreach (var (name, value) in headers)
        {
            block.Add(0); // literal, not indexed, a new name
            AddText(block, name);
            AddText(block, value);
        }

        Add(Headers, (byte)(EndHeaders | (hasBody ? 0 : EndStream)), id, [.. block]);
    }

    /// <summary>A GET with these headers.</summary>
    public void AddGet(int id, string path, params (string Name, string Value)[] headers) =>
        AddRequest(id, false, [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "broker.example"), .. headers]);

    public void AddReset(int id, int error = 8)
    {
        Span<byte> code = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(code, error);
        Add(Reset, 0, id, code);
    }

    public async Task Send()
    {
        var bytes = gathered.ToArray();
        gathered.Clear();
        await stream.WriteAsync(bytes);
    }

    /// <summary>The next frame; null when the connection is over. Settings are acknowledged on the way.</summary>
    public async Task<(byte Type, byte Flags, int Id, byte[] Payload)?> Next(CancellationToken cancellation = default)
    {
        try
        {
            var head = new byte[9];
            await stream.ReadExactlyAsync(head, cancellation);
            var payload = new byte[BinaryPrimitives.ReadInt32BigEndian(head) >>> 8];
            await stream.ReadExactlyAsync(payload, cancellation);
            if (head[3] == Settings && (head[4] & Acknowledged) == 0)
            {
                Add(Settings, Acknowledged, 0, []);
                await Send();
            }

            return (head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)), payload);
        }
        catch (Exception over) when (over is IOException or SocketException)
        {
            return null;
        }
    }

    /// <summary>Reads on until the other side has closed the connection.</summary>
    public async Task UntilClosed()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await Next(limit.Token) is not null) { }
    }

    public void Dispose() => client.Dispose();

    private static void AddText(List<byte> block, string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        if (bytes.Length < 127)
        {
            block.Add((byte)bytes.Length);
        }
        else
        {
            block.Add(127);
            var rest = bytes.Length - 127;
            for (; rest >= 128; rest >>= 7)
            {
                block.Add((byte)(rest | 128));
            }

            block.Add((byte)rest);
        }

        block.AddRange(bytes);
    }
}
