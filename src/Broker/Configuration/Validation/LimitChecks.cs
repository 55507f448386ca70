namespace Broker.Configuration;

/// <summary>Judges sizes, times and limits.</summary>
internal sealed class LimitChecks(BrokerOptions broker, ConfigErrors mistakes)
{
    private const int LargestReplay = 16 * 1024 * 1024;
    private const int LargestHeader = 1024 * 1024;

    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    public void Check()
    {
        Between(broker.PollInterval, TimeSpan.FromMilliseconds(100), Day, "Broker:PollInterval");
        Between(broker.DrainDelay, TimeSpan.Zero, Day, "Broker:DrainDelay");
        Between(broker.ShutdownTimeout, TimeSpan.Zero, Day, "Broker:ShutdownTimeout");

        var forwarding = broker.Forwarding;
        Between(forwarding.ReplayBodyLimit, 0, LargestReplay, "Broker:Forwarding:ReplayBodyLimit");
        Between(forwarding.ReplayWait, TimeSpan.Zero, TimeSpan.FromMinutes(5), "Broker:Forwarding:ReplayWait");
        Between(forwarding.IdleTimeout, TimeSpan.FromMilliseconds(1), Day, "Broker:Forwarding:IdleTimeout");

        var limits = broker.Limits;
        Between(limits.RequestHeaderBytes, 1024, LargestHeader, "Broker:Limits:RequestHeaderBytes");
        Between(limits.RequestLineBytes, 256, LargestHeader, "Broker:Limits:RequestLineBytes");
        Between(limits.RequestBodyBytes ?? 0, 0, long.MaxValue, "Broker:Limits:RequestBodyBytes");
        Between(limits.ConcurrentRequestsPerCaller, 1, int.MaxValue, "Broker:Limits:ConcurrentRequestsPerCaller");
        Between(limits.AnonymousTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(10), "Broker:Limits:AnonymousTimeout");
        Between(limits.AnonymousRequests, 1, int.MaxValue, "Broker:Limits:AnonymousRequests");
        Between(limits.AnonymousRequestsPerAddress, 1, int.MaxValue, "Broker:Limits:AnonymousRequestsPerAddress");
        Between(limits.AnonymousLogLinesPerSecond, 1, int.MaxValue, "Broker:Limits:AnonymousLogLinesPerSecond");
        if (limits.MinRequestBodyBytesPerSecond is <= 0)
        {
            mistakes.Error("Broker:Limits:MinRequestBodyBytesPerSecond", "more than zero, or leave it out for no limit");
        }

        if (broker.Telemetry is { } telemetry)
        {
            Urls.Check(telemetry.OtlpEndpoint, "Broker:Telemetry:OtlpEndpoint", allowInsecure: true, mistakes);
        }
    }

    private void Between(long value, long least, long most, string path)
    {
        if (value < least || value > most)
        {
            mistakes.Error(path, $"{value} is not within {least} and {most}");
        }
    }

    private void Between(TimeSpan value, TimeSpan least, TimeSpan most, string path)
    {
        if (value < least || value > most)
        {
            mistakes.Error(path, $"{value:c} is not within {least:c} and {most:c}");
        }
    }
}
