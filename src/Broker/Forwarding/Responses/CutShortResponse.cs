using System.Net.Http.Headers;

namespace Broker.Forwarding;

/// <summary>The answer to an upload that was cut short. Its connection is closed when the answer has been read, or is given up.</summary>
internal sealed class CutShortResponse : StreamContent
{
    private CutShortResponse(Stream body, HttpContentHeaders headers)
        : base(body)
    {
        foreach (var (name, values) in headers.NonValidated)
        {
            Headers.TryAddWithoutValidation(name, values);
        }
    }

    public static async Task Wrap(HttpResponseMessage response, EarlyResponseStream connection, CancellationToken cancellation)
    {
        var body = new ClosingStream(await response.Content.ReadAsStreamAsync(cancellation), connection);
        response.Content = new CutShortResponse(body, response.Content.Headers);
    }

    private sealed class ClosingStream(Stream inner, EarlyResponseStream connection) : AsyncStream
    {
        public override bool CanWrite => false;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = await inner.ReadAsync(buffer, cancellationToken);
            if (count == 0 && !buffer.IsEmpty)
            {
                connection.Abandon();
            }

            return count;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
                connection.Abandon();
            }

            base.Dispose(disposing);
        }
    }
}
