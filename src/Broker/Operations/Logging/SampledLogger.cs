using System.Diagnostics;
using System.Net.Security;
using System.Reflection;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;

namespace Broker.Operations;

/// <summary>One category's log behind <see cref="SampledLines"/>. What is below a warning passes: no config that ships writes it.</summary>
internal sealed class SampledLogger(SampledLines lines, string category, ILogger inner) : ILogger
{
    private const int MaxCauses = 8;

    private readonly bool isOurs = category.StartsWith("Broker.", StringComparison.Ordinal);
    private readonly bool isServer = category.StartsWith("Microsoft.AspNetCore.Server.", StringComparison.Ordinal);

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => inner.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    )
    {
        if (!inner.IsEnabled(logLevel))
        {
            return;
        }

        if (logLevel < LogLevel.Warning)
        {
            inner.Log(logLevel, eventId, state, exception, formatter);
            return;
        }

        var text = isOurs ? formatter(state, exception) : exception?.GetType().Name ?? "";
        if (!lines.IsFirst(new(category, eventId.Name ?? $"{eventId.Id}", text)))
        {
            return;
        }

        if (isOurs)
        {
            inner.Log(logLevel, eventId, state, exception, formatter);
            return;
        }

        // The types and the place, not the texts and not the stack: a library's message may quote what it was given.
        // The server calls it critical when a client overruns its connection.
        var level = (isServer && logLevel == LogLevel.Critical) || IsOfAConnection(exception) ? LogLevel.Warning : logLevel;
        inner.Log(level, eventId, new FrameworkLine(formatter(state, exception), Causes(exception)).Values, null, static (_, _) => "");
    }

    /// <summary>Whether a failure comes of a connection that broke, or of what was sent on it.</summary>
    private static bool IsOfAConnection(Exception? failure) =>
        failure switch
        {
            null => false,
            OperationCanceledException or IOException or BadHttpRequestException or ConnectionAbortedException => true,
            // A first record of TLS that is no hello names no host, so there is no certificate for it: SslStream calls that a fault of
            // ours.
            NotSupportedException => PlaceOf(failure)?.DeclaringType == typeof(SslStream),
            AggregateException several => several.InnerExceptions.Any(IsOfAConnection),
            _ => IsOfAConnection(failure.InnerException),
        };

    private static MethodBase? PlaceOf(Exception failure) => new StackTrace(failure).GetFrame(0)?.GetMethod();

    private static string Causes(Exception? failure)
    {
        var causes = new List<string>();
        for (var cause = failure; cause is not null && causes.Count < MaxCauses; cause = cause.InnerException)
        {
            var place = PlaceOf(cause);
            causes.Add(place is null ? cause.GetType().Name : $"{cause.GetType().Name} in {place.DeclaringType?.Name}.{place.Name}");
        }

        return string.Join(", from ", causes);
    }

    private readonly record struct FrameworkLine(string Message, string Causes)
    {
        public IReadOnlyList<KeyValuePair<string, object?>> Values =>
            [
                new("Message", Message),
                new("Causes", Causes),
                new("{OriginalFormat}", Causes.Length == 0 ? "{Message}" : "{Message} ({Causes})"),
            ];
    }
}
