using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Benchmarks.Load;

/// <summary>A process under measurement, or behind one. Ends with its owner.</summary>
internal sealed class ProxyProcess : IAsyncDisposable
{
    private const string Announcement = "listening on ";
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(120);

    private readonly Process process;
    private readonly Task<string> errors;
    private readonly TaskCompletionSource<Uri> announced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long lines;

    private ProxyProcess(string assembly, string[] arguments, IEnumerable<(string Name, string Value)> variables)
    {
        var start = new ProcessStartInfo(
            Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet",
            [assembly, .. arguments]
        )
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        process = Process.Start(start) ?? throw new InvalidOperationException("The process did not start.");
        AppDomain.CurrentDomain.ProcessExit += Kill;
        errors = process.StandardError.ReadToEndAsync();
        _ = Drain();
    }

    public Uri Address { get; private set; } = new("http://127.0.0.1:0");

    public int Id => process.Id;

    /// <summary>Lines it wrote to its standard output so far.</summary>
    public long Lines => Interlocked.Read(ref lines);

    /// <summary>User and system time so far.</summary>
    public TimeSpan Processor
    {
        get
        {
            process.Refresh();
            return process.TotalProcessorTime;
        }
    }

    /// <summary>Starts a hidden verb of this program; it tells its address itself.</summary>
    public static async Task<ProxyProcess> Start(string[] arguments, IEnumerable<(string Name, string Value)> variables)
    {
        var started = new ProxyProcess(typeof(ProxyProcess).Assembly.Location, arguments, variables);
        started.Address = await started.Waited(started.announced.Task);
        return started;
    }

    /// <summary>Starts a program that was told where to listen.</summary>
    public static async Task<ProxyProcess> Start(
        string assembly,
        string[] arguments,
        Uri address,
        IEnumerable<(string Name, string Value)> variables
    )
    {
        var started = new ProxyProcess(assembly, arguments, variables) { Address = address };
        await started.Waited(started.Listens());
        return started;
    }

    /// <summary>A port that was free a moment ago.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>In the child: says where it listens and stays until its owner lets go of it.</summary>
    public static async Task Announce(string address)
    {
        Console.WriteLine(Announcement + address);
        await Console.In.ReadToEndAsync();
    }

    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= Kill;
        Kill(null, EventArgs.Empty);
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private void Kill(object? sender, EventArgs args)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It is over already.
        }
    }

    private async Task Drain()
    {
        var first = await process.StandardOutput.ReadLineAsync();
        if (first?.StartsWith(Announcement, StringComparison.Ordinal) == true)
        {
            announced.TrySetResult(new(first[Announcement.Length..]));
        }

        Interlocked.Increment(ref lines);
        var buffer = new char[64 * 1024];
        while (await process.StandardOutput.ReadAsync(buffer) is > 0 and var read)
        {
            Interlocked.Add(ref lines, buffer.AsSpan(0, read).Count('\n'));
        }
    }

    private async Task<T> Waited<T>(Task<T> ready)
    {
        var ended = process.WaitForExitAsync();
        await Task.WhenAny(ready, ended).WaitAsync(Timeout);
        if (!ready.IsCompletedSuccessfully)
        {
            await DisposeAsync();
            throw new InvalidOperationException($"A process did not start: {await errors}");
        }

        return await ready;
    }

    private async Task<bool> Listens()
    {
        while (true)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, Address.Port);
                return true;
            }
            catch (SocketException)
            {
                await Task.Delay(100);
            }
        }
    }
}
