using StackExchange.Redis;
using StackExchange.Redis.Configuration;

namespace Broker.Redis;

/// <summary>Opens a client as the settings say.</summary>
internal static class RedisClient
{
    private static readonly Version Oldest = new(5, 0);

    // How often the client looks for commands that ran out of time and for connections to open again.
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(100);

    // CONFIG: an account of Redis's need not be allowed it; what the client would read there, the options say. PING: a Redis that cannot
    // save refuses it (MISCONF), and the client would give the connection up and open another, a hundred times a second. It asks for the
    // TIME instead.
    private static readonly CommandMap Commands = CommandMap.Create(["CONFIG", "PING"], available: false);

    public static async Task<ConnectionMultiplexer> Connect(
        Func<RedisSettings> current,
        EventHandler<ConnectionAttemptCompletedEventArgs>? attempted = null
    )
    {
        var settings = current();
        var milliseconds = (int)Math.Max(100, settings.CallTimeout.TotalMilliseconds);
        var options = new ConfigurationOptions
        {
            Defaults = new Current(current),
            AbortOnConnectFail = false,
            ConnectTimeout = milliseconds,
            AsyncTimeout = milliseconds,
            SyncTimeout = milliseconds,
            ConnectRetry = 1,
            KeepAlive = 2,
            Ssl = settings.Tls,
            SslHost = settings.TlsHost,
            Protocol = settings.Protocol,
            DefaultVersion = Oldest,
            CommandMap = Commands,
            ClientName = "broker",
            SetClientLibrary = false,
            // Neither a key of its own in our database nor word of other clients' opinions.
            TieBreaker = "",
            ConfigurationChannel = "",
            IncludeDetailInExceptions = false,
            HeartbeatInterval = Beat,
            ReconnectRetryPolicy = new LinearRetry((int)Beat.TotalMilliseconds),
            // Else a call that has no connection waits for one until it runs out of time.
            BacklogPolicy = BacklogPolicy.FailFast,
#pragma warning disable SER007 // The client may change it still; without it a connection that is deaf is kept for ever.
            CircuitBreaker = new SilenceBreaker(),
#pragma warning restore SER007
        };
        options.CertificateValidation += (_, certificate, chain, errors) => current().Trust.Accepts(certificate, chain, errors);
        options.ConnectionAttemptCompleted += attempted;
        foreach (var endpoint in settings.Endpoints)
        {
            options.EndPoints.Add(endpoint);
        }
        return await ConnectionMultiplexer.ConnectAsync(options);
    }

    /// <summary>Asked anew for each connection: a password that was changed counts from the next one on.</summary>
    private sealed class Current(Func<RedisSettings> current) : DefaultOptionsProvider
    {
        public override string? User => current().User;

        public override string? Password => current().Password;
    }
}
