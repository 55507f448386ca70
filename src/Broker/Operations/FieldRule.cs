using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Broker.Operations;

/// <summary>What the server lets in, and some upstreams read in another way: such a request is refused, whomever it is for.</summary>
internal static class FieldRule
{
    private static readonly SearchValues<char> Control = SearchValues.Create([
        .. Enumerable.Range(0, 0x20).Append(0x7f).Where(code => code != '\t').Select(code => (char)code),
    ]);
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Whether the values hold no control character but the tab.</summary>
    public static bool IsClean(StringValues values)
    {
        for (var i = 0; i < values.Count; i++)
        {
            if (values[i].AsSpan().ContainsAny(Control))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether no header's value holds one.</summary>
    public static bool AreClean(IHeaderDictionary headers)
    {
        foreach (var (_, values) in headers)
        {
            if (!IsClean(values))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether the body's framing can be read in one way only: a length or chunks, and no coding besides.</summary>
    /// <remarks>Kestrel looks at the last coding only, and makes <c>X-Content-Length</c> of a length that stands beside it.</remarks>
    public static bool IsFramingClear(HttpRequest request)
    {
        var codings = request.Headers.TransferEncoding;
        return codings.Count == 0
            || (
                codings.Count == 1
                && codings[0].AsSpan().Trim().Equals("chunked", StringComparison.OrdinalIgnoreCase)
                && request.Headers.ContentLength is null
                && !request.Headers.ContainsKey("X-Content-Length")
                && !HttpProtocol.IsHttp10(request.Protocol)
            );
    }

    /// <summary>
    /// Whether this is a method of HTTP's in the wrong case. Methods are case-sensitive (RFC 9110, 9.1), and not every part behind here
    /// knows it.
    /// </summary>
    public static bool IsMisspelt(string method) =>
        method.Length is >= 3 and <= 7
        && HttpMethods.GetCanonicalizedValue(method) is var known
        && !ReferenceEquals(known, method)
        && !known.Equals(method, StringComparison.Ordinal);

    /// <summary>The text of a header's value, whose bytes were read as one character each; null where it is no UTF-8.</summary>
    public static string? TextOf(string value)
    {
        if (Ascii.IsValid(value))
        {
            return value;
        }

        try
        {
            return Utf8.GetString(Encoding.Latin1.GetBytes(value));
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
