using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Broker.ReplicaTests;

/// <summary>
/// A broker as it is installed: the built executable, in a process of its own, with a config file and secrets in its environment.
/// </summary>
internal sealed partial class BrokerProcess : IAsyncDisposable
{
    private const int Kill9 = 9;
    private const int Stop = 19;
    private const int Continue = 18;

    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "broker");
    private static readonly ConcurrentDictionary<int, Process> Running = new();

    private readonly Process process;
    private readonly StringBuilder log;

    static BrokerProcess() =>
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            foreach (var process in Running.Values)
            {
                process.Kill();
            }
        };

    private BrokerProcess(Process process, StringBuilder log, Uri address, Uri management)
    {
        (this.process, this.log, Address, Management, Id) = (process, log, address, management, process.Id);
        Client = new(
            new SocketsHttpHandler
            {
                UseProxy = false,
                UseCookies = false,
                AllowAutoRedirect = false,
                PooledConnectionIdleTimeout = TimeSpan.FromMinutes(10),
            }
        )
        {
            BaseAddress = address,
            Timeout = TimeSpan.FromMinutes(3),
        };
    }

    public int Id { get; }

    public Uri Address { get; }

    public Uri Management { get; }

    public HttpClient Client { get; }

    public bool IsPaused { get; private set; }

    public bool IsDead { get; private set; }

    /// <summary>All that it wrote.</summary>
    public string Log
    {
        get
        {
            lock (log)
            {
                return log.ToString();
            }
        }
    }

    public static async Task<BrokerProcess> Start(string configFile, IEnumerable<(string Name, string Value)> environment)
    {
        var start = new ProcessStartInfo(Program, ["serve", "--config", configFile])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_TieredPGO"] = "0"; // processes that live for seconds
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }
        var log = new StringBuilder();
        var listens = new TaskCompletionSource<(Uri, Uri)>(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        void Keep(string? line)
        {
            lock (log)
            {
                log.Append(line).Append('\n');
            }
            if (line is not null && ListensOn().Match(line) is { Success: true } match)
            {
                listens.TrySetResult((new(match.Groups[1].Value), new(match.Groups[2].Value)));
            }
        }
        process.OutputDataReceived += (_, said) => Keep(said.Data);
        process.ErrorDataReceived += (_, said) => Keep(said.Data);
        process.Exited += (_, _) =>
        {
            lock (log) // its last lines may still be arriving
            {
                listens.TrySetException(new InvalidOperationException($"The broker ended at its start:\n{log}"));
            }
        };
        process.Start();
        Running[process.Id] = process;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var (address, management) = await listens.Task.WaitAsync(TimeSpan.FromSeconds(90));
        return new(process, log, address, management);
    }

    /// <summary>SIGKILL: nothing is said, and nothing is finished.</summary>
    public void Kill()
    {
        IsDead = true;
        Running.TryRemove(Id, out _);
        _ = Signal(Id, Kill9);
    }

    /// <summary>SIGSTOP: it stands still, its connections stay.</summary>
    public void Pause()
    {
        IsPaused = true;
        _ = Signal(Id, Stop);
    }

    /// <summary>SIGCONT.</summary>
    public void Resume()
    {
        _ = Signal(Id, Continue);
        IsPaused = false;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (!process.HasExited)
        {
            Kill();
        }
        await process.WaitForExitAsync();
        process.Dispose();
    }

    [GeneratedRegex("\"Addresses\":\"(http://127.0.0.1:[0-9]+)[^\"]*\",\"Management\":\"(http://127.0.0.1:[0-9]+)")]
    private static partial Regex ListensOn();

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Signal(int process, int signal);
}
