using StackExchange.Redis;

namespace Broker.Redis;

/// <summary>Opens a client as the settings say.</summary>
internal static class RedisClient
{
    private static readonly Version Oldest = new(5, 0);

    public static async Task<ConnectionMultiplexer> Connect(RedisSettings settings)
    {
        var milliseconds = (int)Math.Max(100, settings.CallTimeout.TotalMilliseconds);
        var options = new ConfigurationOptions
        {
            AbortOnConnectFail = false,
            ConnectTimeout = milliseconds,
            SyncTimeout = milliseconds,
            ConnectRetry = 1,
            KeepAlive = 2,
            Password = settings.Password,
            Ssl = settings.Tls,
            SslHost = settings.TlsHost,
            DefaultVersion = Oldest,
            // Neither a key of its own in our database nor word of other clients' opinions.
            TieBreaker = "",
            ConfigurationChannel = "",
            ReconnectRetryPolicy = new LinearRetry(500),
        };
        options.CertificateValidation += (_, certificate, chain, errors) => settings.Trust.Fault(certificate, chain, errors) is null;
        foreach (var endpoint in settings.Endpoints)
        {
            options.EndPoints.Add(endpoint);
        }
        var client = await ConnectionMultiplexer.ConnectAsync(options);
        client.PreserveAsyncOrder = false;
        client.IncludeDetailInExceptions = false;
        return client;
    }
}
