using System.Net;
using System.Text;

namespace Broker.Forwarding;

/// <summary>The field <c>_method</c>, from which some frameworks take the method (rights.md 12), in a query or a form.</summary>
internal static class MethodField
{
    /// <summary>Whether a decoded name is it, also as PHP reads names: a dot is an underscore, blanks before it and what follows '[' or a zero byte do not count.</summary>
    public static bool Is(ReadOnlySpan<char> name)
    {
        if (name.IndexOfAny('[', '\0') is >= 0 and var end)
        {
            name = name[..end];
        }

        name = name.TrimStart(' ');
        return name.Length == 7 && name[0] is '_' or '.' && name[1..].Equals("method", StringComparison.OrdinalIgnoreCase);
    }
}

/// <summary>The start of one name of a form, raw; blanks before it do not count.</summary>
internal sealed class FieldName
{
    private readonly byte[] raw = new byte[64];
    private int length;

    public bool IsMethodField => length >= 7 && MethodField.Is(WebUtility.UrlDecode(Encoding.Latin1.GetString(raw, 0, length)));

    public void Clear() => length = 0;

    public void Add(byte next)
    {
        if (length == raw.Length || (length == 0 && next is (byte)' ' or (byte)'+'))
        {
            return;
        }

        raw[length++] = next;
        if (length == 3 && raw.AsSpan(0, 3).SequenceEqual("%20"u8))
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

/// <summary>What stands behind each <c>name=</c> or <c>name*=</c> of a multipart body.</summary>
internal sealed class MultipartNames
{
    private readonly FieldName name = new();
    private State state;
    private int matched;
    private byte before;

    private enum State
    {
        Outside,
        BehindName,
        InParts,
        InValue,
    }

    public bool Finds(ReadOnlySpan<byte> bytes)
    {
        foreach (var next in bytes)
        {
            if (Step(next))
            {
                return true;
            }

            before = next;
        }

        return false;
    }

    public bool Ends() => state == State.InValue && name.IsMethodField;

    private bool Step(byte next)
    {
        var isStart = matched == 0 && !char.IsAsciiLetterOrDigit((char)before);
        matched = (matched > 0 || isStart) && (next | 0x20) == "name"[matched] ? matched + 1 : 0;
        if (matched == 4)
        {
            (matched, state) = (0, State.BehindName);
            return false;
        }

        var isBlank = next is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n';
        switch (state)
        {
            case State.BehindName or State.InParts when next == '=':
                name.Clear();
                var isInParts = state == State.InParts; // name*0=_met; name*1=hod: no form has such names (RFC 7578, 4.2), and ours could be one
                state = State.InValue;
                return isInParts;
            case State.BehindName when before == '*' && char.IsAsciiDigit((char)next):
                state = State.InParts;
                return false;
            case State.BehindName or State.InParts when !isBlank && next != '*' && !char.IsAsciiDigit((char)next):
                state = State.Outside;
                return false;
            case State.InValue when isBlank || next is (byte)'"' or (byte)'\'' or (byte)';':
                // Where the quotes are is for the upstream to say: any of these may be the end, or stand before the beginning.
                if (name.IsMethodField)
                {
                    return true;
                }

                name.Clear();
                state = next == ';' ? State.Outside : state;
                return false;
            case State.InValue when next != '\\':
                name.Add(next);
                return false;
            default:
                return false;
        }
    }
}
