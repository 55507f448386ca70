using Microsoft.Extensions.Logging;

namespace Broker.Tests;

/// <summary>Keeps what is logged from Information upwards, one line each.</summary>
internal sealed class LineLog(List<string> lines) : ILoggerFactory, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    )
    {
        if (IsEnabled(logLevel))
        {
            lock (lines)
            {
                lines.Add($"{logLevel} {eventId.Id} {formatter(state, exception)}");
            }
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void AddProvider(ILoggerProvider provider) { }

    public void Dispose() { }
}
