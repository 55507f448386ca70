using System.Net;
using System.Text;

namespace Broker.Forwarding;

/// <summary>The field <c>_method</c>, from which some frameworks take the method (rights.md 12), in a query or a form.</summary>
internal static class MethodField
{
    /// <summary>Whether a decoded name is it, also as PHP and Rack read names: a dot is an underscore, blanks and brackets before it and what follows a bracket or a zero byte do not count.</summary>
    public static bool Is(ReadOnlySpan<char> name)
    {
        name = name.TrimStart(" []");
        if (name.IndexOfAny('[', ']', '\0') is >= 0 and var end)
        {
            name = name[..end];
        }

        return name.Length == 7 && name[0] is '_' or '.' && name[1..].Equals("method", StringComparison.OrdinalIgnoreCase);
    }
}

/// <summary>The start of one name of a form, raw; blanks and brackets before it do not count.</summary>
internal sealed class FieldName
{
    private readonly byte[] raw = new byte[64];
    private int length;

    public bool IsMethodField => length >= 7 && MethodField.Is(WebUtility.UrlDecode(Encoding.Latin1.GetString(raw, 0, length)));

    /// <summary>RFC 2047: some readers decode it, in a charset of its own.</summary>
    public bool IsEncodedWord => raw.AsSpan(0, length).StartsWith("=?"u8);

    public void Clear() => length = 0;

    public void Add(byte next)
    {
        if (length == raw.Length || (length == 0 && next is (byte)' ' or (byte)'+' or (byte)'[' or (byte)']'))
        {
            return;
        }

        raw[length++] = next;
        if (length == 3 && (Ascii.EqualsIgnoreCase(raw.AsSpan(0, 3), "%20"u8) || Ascii.EqualsIgnoreCase(raw.AsSpan(0, 3), "%5b"u8) || Ascii.EqualsIgnoreCase(raw.AsSpan(0, 3), "%5d"u8)))
        {
            length = 0;
        }
    }
}

/// <summary>The names in <c>name=value&amp;name=value</c>, also with ';' between.</summary>
internal sealed class UrlEncodedNames
{
    private readonly FieldName name = new();
    private bool isInValue;

    public bool Finds(ReadOnlySpan<byte> bytes)
    {
        foreach (var next in bytes)
        {
            if (next is (byte)'&' or (byte)';' or (byte)'=')
            {
                if (Ends())
                {
                    return true;
                }

                isInValue = next == '=';
                name.Clear();
            }
            else if (!isInValue)
            {
                name.Add(next);
            }
        }

        return false;
    }

    public bool Ends() => !isInValue && name.IsMethodField;
}
