using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace Benchmarks.Load;

/// <summary>Keep-alive connections on one thread, each with one request under way; every answer is looked at in full.</summary>
internal sealed class LoadClient : IDisposable
{
    private readonly List<Connection> connections = [];
    private readonly Dictionary<Socket, Connection> bySocket = [];
    private readonly byte[] request;

    public LoadClient(Uri proxy, string bearer, int count)
    {
        request = Encoding.ASCII.GetBytes(
            $"GET {BrokerConfig.Target} HTTP/1.1\r\nHost: {proxy.Authority}\r\nAccept: application/json\r\nAuthorization: Bearer "
                + $"{bearer}\r\n\r\n"
        );
        for (var i = 0; i < count; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Connect(proxy.Host, proxy.Port);
            var connection = new Connection(socket);
            connections.Add(connection);
            bySocket.Add(socket, connection);
        }
    }

    /// <summary>Sends for so long, then waits for what is under way.</summary>
    /// <exception cref="InvalidOperationException">An answer was not the server's; the message holds it.</exception>
    public void Run(TimeSpan time, Latencies latencies)
    {
        var end = Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency);
        foreach (var connection in connections)
        {
            connection.Send(request);
        }

        var underWay = connections.Count;
        var ready = new List<Socket>(underWay);
        while (underWay > 0)
        {
            ready.Clear();
            foreach (var connection in connections)
            {
                if (connection.IsUnderWay)
                {
                    ready.Add(connection.Socket);
                }
            }

            Socket.Select(ready, null, null, TimeSpan.FromSeconds(30));
            if (ready.Count == 0)
            {
                throw new InvalidOperationException("No answer for 30 s.");
            }

            foreach (var socket in ready)
            {
                var connection = bySocket[socket];
                if (!connection.Receive())
                {
                    continue;
                }

                var now = Stopwatch.GetTimestamp();
                latencies.Add(now - connection.SentAt);
                if (now < end)
                {
                    connection.Send(request);
                }
                else
                {
                    underWay--;
                }
            }
        }
    }

    public void Dispose()
    {
        foreach (var connection in connections)
        {
            connection.Socket.Dispose();
        }
    }

    private sealed class Connection(Socket socket)
    {
        private readonly byte[] buffer = new byte[16 * 1024];
        private int length;

        public Socket Socket { get; } = socket;

        public bool IsUnderWay { get; private set; }

        public long SentAt { get; private set; }

        public void Send(byte[] request)
        {
            length = 0;
            IsUnderWay = true;
            SentAt = Stopwatch.GetTimestamp();
            if (Socket.Send(request) != request.Length)
            {
                throw new InvalidOperationException("The proxy does not read.");
            }
        }

        /// <summary>True when the whole answer is there.</summary>
        public bool Receive()
        {
            var read = Socket.Receive(buffer.AsSpan(length));
            length += read;
            var text = buffer.AsSpan(0, length);
            var head = text.IndexOf("\r\n\r\n"u8);
            if (read == 0 || (head >= 0 && (!text.StartsWith("HTTP/1.1 200 "u8) || text.Length - head - 4 > AnswerServer.Body.Length)))
            {
                throw Wrong(text);
            }

            if (head < 0 || text.Length - head - 4 < AnswerServer.Body.Length)
            {
                return false;
            }

            IsUnderWay = false;
            return text[(head + 4)..].SequenceEqual(AnswerServer.Body) ? true : throw Wrong(text);
        }

        private static InvalidOperationException Wrong(ReadOnlySpan<byte> text) =>
            new($"An answer was not the server's:\n{Encoding.ASCII.GetString(text)}");
    }
}
