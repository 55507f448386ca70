using System.IO.Pipelines;
using System.Net;
using System.Text;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>A request body that a test sends bit by bit.</summary>
internal sealed class HandContent(long? length = null) : HttpContent
{
    private readonly Pipe pipe = new();

    public async Task Send(string text)
    {
        await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(text));
    }

    public void End() => pipe.Writer.Complete();

    /// <summary>The caller's connection breaks in the middle of it.</summary>
    public void Break() => pipe.Writer.Complete(new IOException("The caller went away."));

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        try
        {
            await stream.FlushAsync();
            while (await pipe.Reader.ReadAsync() is var read)
            {
                foreach (var part in read.Buffer)
                {
                    await stream.WriteAsync(part);
                    await stream.FlushAsync();
                }

                pipe.Reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    return;
                }
            }
        }
        finally
        {
            // the answer may come before the last byte: then nobody takes the rest, and Send must not wait for it
            await pipe.Reader.CompleteAsync();
        }
    }

    protected override bool TryComputeLength(out long computed)
    {
        computed = length ?? 0;
        return length is not null;
    }
}
