using System.Buffers;
using System.Text;

namespace Broker.Forwarding;

/// <summary>The field <c>_method</c>, from which some frameworks take the method (rights.md 12), in a query or a form.</summary>
internal static class MethodOverrideName
{
    private const string Name = "_method";
    private static readonly SearchValues<char> Ends = SearchValues.Create("[]?#;&\0\r\n");

    /// <summary>Whether a name is it, as any reader may come to read it.</summary>
    public static bool Is(ReadOnlySpan<char> name) =>
        Names(name) || (!Readings.IsPlain(name) && Readings.Any(name.ToString(), reading => Names(reading)));

    /// <summary>Whether the start of a name, however it goes on, may be the start of this one.</summary>
    public static bool MayBegin(string start) => Readings.Any(start, reading =>
        {
            var text = reading.AsSpan().TrimStart(" []");
            text = text.LastIndexOf('%') is >= 0 and var cut ? text[..cut] : text; // the rest of what was encoded did not come
            return Names(text) || (text.Length < Name.Length && IsStart(text));
        });

    /// <summary>
    /// Also as PHP and Rack read names: a dot is an underscore, blanks and brackets before it and what follows a bracket or a zero byte do
    /// not count.
    /// </summary>
    private static bool Names(ReadOnlySpan<char> name)
    {
        name = name.TrimStart(" []");
        if (name.IndexOfAny(Ends) is >= 0 and var end)
        {
            name = name[..end];
        }

        name = name.TrimEnd(" ./");
        return name.Length == Name.Length && IsStart(name);
    }

    private static bool IsStart(ReadOnlySpan<char> text) =>
        text.IsEmpty || (text[0] is '_' or '.' && text[1..].Equals(Name.AsSpan(1, text.Length - 1), StringComparison.OrdinalIgnoreCase));
}

/// <summary>The start of one name of a form, raw; blanks and brackets before it do not count.</summary>
internal sealed class MethodOverrideText
{
    private readonly byte[] raw = new byte[256];
    private int length;

    public bool IsMethodField
    {
        get
        {
            if (length < 7)
            {
                return false;
            }

            Span<char> name = stackalloc char[length];
            Encoding.Latin1.GetChars(raw.AsSpan(0, length), name);
            return MethodOverrideName.Is(name)
                || (length == raw.Length && !Readings.IsPlain(name) && MethodOverrideName.MayBegin(name.ToString()));
        }
    }

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
        if (
            length == 3
            && (
                Ascii.EqualsIgnoreCase(raw.AsSpan(0, 3), "%20"u8)
                || Ascii.EqualsIgnoreCase(raw.AsSpan(0, 3), "%5b"u8)
                || Ascii.EqualsIgnoreCase(raw.AsSpan(0, 3), "%5d"u8)
            )
        )
        {
            length = 0;
        }
    }
}

/// <summary>The names in <c>name=value&amp;name=value</c>, also with ';' between.</summary>
internal sealed class MethodOverrideForm
{
    private readonly MethodOverrideText name = new();
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
