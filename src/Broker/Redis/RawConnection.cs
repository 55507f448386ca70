using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;

namespace Broker.Redis;

/// <summary>One socket to one node, one command at a time (RESP2). What is no answer throws; a certificate that is not accepted, with its word.</summary>
internal sealed class RawConnection : IDisposable
{
    private const int MostBytes = 1024 * 1024;

    private readonly Stream stream;
    private readonly byte[] buffer = new byte[4096];
    private int at;
    private int end;

    private RawConnection(Stream stream) => this.stream = stream;

    public static async Task<RawConnection> Open(EndPoint node, RedisSettings settings, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        string? fault = null;
        try
        {
            await socket.ConnectAsync(node, cancellation);
            stream = new NetworkStream(socket, ownsSocket: true);
            if (settings.Tls)
            {
                var secure = new SslStream(stream);
                stream = secure;
                var host = settings.TlsHost ?? (node is DnsEndPoint name ? name.Host : ((IPEndPoint)node).Address.ToString());
                await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
                {
                    TargetHost = host,
                    RemoteCertificateValidationCallback = (_, certificate, chain, errors) => (fault = settings.Trust.Fault(certificate, chain, errors)) is null,
                }, cancellation);
            }
            var connection = new RawConnection(stream);
            if (settings.Password is { } password)
            {
                await connection.Ask(["AUTH", password], cancellation);
            }
            return connection;
        }
        catch (Exception failed)
        {
            stream?.Dispose();
            socket.Dispose();
            throw fault is null ? failed : new AuthenticationException(fault, failed);
        }
    }

    /// <summary>Sends one command; its answer as a list, of one where it is no list.</summary>
    public async Task<List<object?>> Ask(IReadOnlyList<Word> words, CancellationToken cancellation)
    {
        using var command = new MemoryStream();
        command.Write(Encoding.ASCII.GetBytes($"*{words.Count}\r\n"));
        foreach (var word in words)
        {
            command.Write(Encoding.ASCII.GetBytes($"${word.Bytes.Length}\r\n"));
            command.Write(word.Bytes);
            command.Write("\r\n"u8);
        }
        await stream.WriteAsync(command.GetBuffer().AsMemory(0, (int)command.Length), cancellation);
        await stream.FlushAsync(cancellation);
        var answer = await Answer(cancellation);
        return answer as List<object?> ?? [answer];
    }

    public void Dispose() => stream.Dispose();

    private async Task<object?> Answer(CancellationToken cancellation)
    {
        var line = await Line(cancellation);
        switch (line[0])
        {
            case '+':
                return line[1..];
            case ':':
                return Number(line);
            case '$' when Number(line) is >= 0 and <= MostBytes and var length:
                var text = new StringBuilder();
                for (var i = 0; i < length + 2; i++)
                {
                    text.Append((char)await Next(cancellation));
                }
                return text.ToString(0, (int)length);
            case '*' when Number(line) is >= 0 and <= MostBytes and var count:
                List<object?> parts = [];
                for (var i = 0; i < count; i++)
                {
                    parts.Add(await Answer(cancellation));
                }
                return parts;
            case '$' or '*':
                return null;
            default:
                throw RedisRefusal.Of(line[1..]);
        }
    }

    private static long Number(string line) => long.Parse(line.AsSpan(1), CultureInfo.InvariantCulture);

    private async Task<string> Line(CancellationToken cancellation)
    {
        var line = new StringBuilder();
        while (true)
        {
            var next = (char)await Next(cancellation);
            if (next == '\n' && line.Length > 1 && line[^1] == '\r')
            {
                return line.ToString(0, line.Length - 1);
            }
            if (line.Append(next).Length > buffer.Length)
            {
                throw new InvalidDataException("line-too-long");
            }
        }
    }

    private async ValueTask<byte> Next(CancellationToken cancellation)
    {
        if (at == end)
        {
            (at, end) = (0, await stream.ReadAsync(buffer, cancellation));
            if (end == 0)
            {
                throw new EndOfStreamException();
            }
        }
        return buffer[at++];
    }
}

/// <summary>One word of a command.</summary>
internal readonly record struct Word(byte[] Bytes)
{
    public static implicit operator Word(string text) => new(Encoding.UTF8.GetBytes(text));

    public static implicit operator Word(byte[] bytes) => new(bytes);
}
