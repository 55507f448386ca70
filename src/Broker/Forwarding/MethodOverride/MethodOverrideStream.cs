using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;

namespace Broker.Forwarding;

/// <summary>How an upstream may read fields from a body.</summary>
[Flags]
internal enum MethodOverrideKinds
{
    None = 0,
    UrlEncoded = 1,
    Multipart = 2,
    Json = 4,
}

/// <summary>The caller's fault, found while its body was on its way.</summary>
internal sealed class MethodOverrideException() : BadHttpRequestException("The body's field '_method' could change the method.");

/// <summary>The caller's fault, found while its body was on its way: a reader may take it for JSON that was not looked into.</summary>
internal sealed class JsonEncodingException() : BadHttpRequestException("The body is JSON in another encoding than UTF-8.");

/// <summary>
/// A body on its way that an upstream may read fields from: with a field <c>_method</c> it breaks off before that is whole (rights.md 12).
/// </summary>
/// <remarks>Nothing is held back but what may name the field, so a large upload streams.</remarks>
internal sealed class MethodOverrideStream(Stream body, MethodOverrideKinds kinds) : AsyncStream
{
    private const int EncodingShows = 4;

    private readonly MethodOverrideForm pairs = new();
    private readonly MethodOverrideMultipart parts = new();
    private readonly MethodOverrideJson members = new();
    private byte? held;
    private int seen;

    public override bool CanWrite => false;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
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
                throw new MethodOverrideException();
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

    /// <summary>Whether it is the field's name that was read last, if no more comes.</summary>
    private bool MayEndInIt =>
        (kinds.HasFlag(MethodOverrideKinds.UrlEncoded) && pairs.Ends()) || (kinds.HasFlag(MethodOverrideKinds.Multipart) && parts.Ends());

    private bool Finds(ReadOnlySpan<byte> bytes)
    {
        if (kinds.HasFlag(MethodOverrideKinds.Json) && seen < EncodingShows)
        {
            LookAtEncoding(bytes[..Math.Min(bytes.Length, EncodingShows - seen)]);
        }

        return ((kinds & MethodOverrideKinds.UrlEncoded) != 0 && pairs.Finds(bytes))
            || ((kinds & MethodOverrideKinds.Multipart) != 0 && parts.Finds(bytes))
            || ((kinds & MethodOverrideKinds.Json) != 0 && members.Finds(bytes));
    }

    /// <summary>
    /// Readers tell UTF-16 and UTF-32 without a word about it by the first bytes: a byte order mark, or a zero beside the first character
    /// (RFC 4627, 3).
    /// </summary>
    private void LookAtEncoding(ReadOnlySpan<byte> start)
    {
        seen += start.Length;
        if (start.IndexOfAny((byte)0, (byte)0xfe, (byte)0xff) >= 0)
        {
            throw new JsonEncodingException();
        }
    }
}
