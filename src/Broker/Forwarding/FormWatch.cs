using Microsoft.AspNetCore.Http;

namespace Broker.Forwarding;

/// <summary>How an upstream may read a body as a form.</summary>
[Flags]
internal enum FormKinds
{
    None,
    UrlEncoded,
    Multipart,
}

/// <summary>The caller's fault, found while its form was on its way.</summary>
internal sealed class MethodFieldException() : BadHttpRequestException("The form's field '_method' could change the method.");

/// <summary>A body on its way that an upstream may read as a form: with a field <c>_method</c> it breaks off before that is whole (rights.md 12).</summary>
/// <remarks>
/// Nothing is held back but what may name the field, so a large upload streams. In a multipart body each <c>name=</c> counts wherever it stands:
/// where a part begins is for the upstream's own reader to say, and it may say otherwise than ours would.
/// </remarks>
internal sealed class FormWatch(Stream body, FormKinds kinds) : Stream
{
    private readonly UrlEncodedNames pairs = new();
    private readonly MultipartNames parts = new();
    private byte? held;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return await body.ReadAsync(buffer, cancellationToken);
        }

        var start = 0;
        if (held is { } last)
        {
            (buffer.Span[0], held, start) = (last, null, 1);
        }

        while (true)
        {
            var count = await body.ReadAsync(buffer[start..], cancellationToken);
            if (count == 0 ? MayEndInIt : Finds(buffer.Span.Slice(start, count)))
            {
                throw new MethodFieldException();
            }

            start += count;
            if (count == 0 || !MayEndInIt)
            {
                return start;
            }

            if (start > 1)
            {
                // With its last byte an upstream that was told the length would have the whole.
                held = buffer.Span[--start];
                return start;
            }
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Whether it is the field's name that was read last, if no more comes.</summary>
    private bool MayEndInIt => (kinds.HasFlag(FormKinds.UrlEncoded) && pairs.Ends()) || (kinds.HasFlag(FormKinds.Multipart) && parts.Ends());

    private bool Finds(ReadOnlySpan<byte> bytes) =>
        (kinds.HasFlag(FormKinds.UrlEncoded) && pairs.Finds(bytes)) || (kinds.HasFlag(FormKinds.Multipart) && parts.Finds(bytes));
}
