using Broker.Configuration;
using Microsoft.Extensions.Logging;

namespace Broker.Tests.Configuration;

/// <summary>The ids of the events that were logged.</summary>
internal sealed class Lines : ILogger<SnapshotPoller>
{
    public List<int> Ids { get; } = [];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    ) => Ids.Add(eventId.Id);
}
