using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting.Json;

namespace Broker.Operations;

/// <summary>JSON lines to a writer, gathered for a moment: a line a request must not be a system call a request.</summary>
internal sealed class LogLines : ILogEventSink, IDisposable
{
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(100);

    private readonly JsonFormatter formatter = new(renderMessage: false);
    private readonly Lock gate = new();
    private readonly TextWriter output;
    private readonly ITimer timer;
    private StringWriter gathered = new();
    private StringWriter spare = new();

    public LogLines(TextWriter output, TimeProvider time)
    {
        this.output = output;
        timer = time.CreateTimer(_ => Flush(), null, Moment, Moment);
    }

    public void Emit(LogEvent logEvent)
    {
        lock (gate)
        {
            formatter.Format(logEvent, gathered);
        }

        if (logEvent.Level >= LogEventLevel.Error)
        {
            Flush(); // it may be the last one
        }
    }

    public void Dispose()
    {
        timer.Dispose();
        Flush();
    }

    private void Flush()
    {
        lock (output)
        {
            StringWriter full;
            lock (gate)
            {
                if (gathered.GetStringBuilder().Length == 0)
                {
                    return;
                }

                full = gathered;
                (gathered, spare) = (spare, gathered);
            }

            output.Write(full.GetStringBuilder());
            output.Flush();
            full.GetStringBuilder().Clear();
        }
    }
}
