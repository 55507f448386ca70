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
/// Nothing is held back but what names the field, so a large upload streams. In a multipart body each <c>name=</c> counts wherever it stands:
/// where a part begins is for the upstream's own reader to say, and it may say otherwise than ours would.
/// </remarks>
internal sealed class FormWatch(Stream body, FormKinds kinds) : Stream
{
    private readonly UrlEncodedNames pairs = new();
    private readonly MultipartNames parts = new();

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await body.ReadAsync(buffer, cancellationToken);
        if (!buffer.IsEmpty && Finds(buffer.Span[..count]))
        {
            throw new MethodFieldException();
        }

        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Nothing at all is the end of the body.</summary>
    private bool Finds(ReadOnlySpan<byte> bytes) =>
        (kinds.HasFlag(FormKinds.UrlEncoded) && (bytes.IsEmpty ? pairs.Ends() : pairs.Finds(bytes)))
        || (kinds.HasFlag(FormKinds.Multipart) && (bytes.IsEmpty ? parts.Ends() : parts.Finds(bytes)));
}
