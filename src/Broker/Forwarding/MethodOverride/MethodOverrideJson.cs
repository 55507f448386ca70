namespace Broker.Forwarding;

/// <summary>The names of a JSON body's members, at any depth.</summary>
/// <remarks>
/// Each quote may begin one: where strings are is not followed, so that nothing can be hidden from it, and it jumps from quote to quote. A
/// name in plain characters is compared as it comes; one with others is kept and looked into when the colon behind it says that it is a
/// name.
/// </remarks>
internal sealed class MethodOverrideJson
{
    private const string Wanted = "_method";

    private readonly MethodOverrideText odd = new();
    private int matched = -1;
    private bool isOdd;
    private bool isBehind;
    private int escape;
    private int code;

    public bool Finds(ReadOnlySpan<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            if (matched < 0 && !isBehind)
            {
                var quote = bytes[i..].IndexOf((byte)'"');
                if (quote < 0)
                {
                    return false;
                }

                i += quote;
                matched = 0;
                continue;
            }

            if (Step(bytes[i]))
            {
                return true;
            }
        }

        return false;
    }

    private bool Step(byte next)
    {
        if (isBehind)
        {
            if (next is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
            {
                return false;
            }

            if (next == ':' && (!isOdd || odd.IsMethodField))
            {
                return true;
            }

            // It was no name: the quote behind it may as well begin one, for a reader who takes others for the first and the last.
            (isBehind, isOdd, matched) = (false, false, 0);
        }

        if (escape > 0)
        {
            Escaped(next);
        }
        else if (next == '\\')
        {
            escape = 1;
        }
        else if (next == '"')
        {
            (isBehind, matched) = (isOdd || matched == Wanted.Length, 0);
        }
        else
        {
            Match(next);
        }

        return false;
    }

    /// <summary>
    /// Behind a backslash: 'u' and four digits, or one letter for a control character; with another character it is no name of ours.
    /// </summary>
    private void Escaped(byte next)
    {
        var digit = char.IsAsciiHexDigit((char)next) ? (next <= '9' ? next - '0' : (next | 0x20) - 'a' + 10) : -1;
        if (escape == 1)
        {
            (escape, code) = (next == 'u' ? 2 : 0, 0);
            if (next is (byte)'b' or (byte)'f' or (byte)'n' or (byte)'r' or (byte)'t')
            {
                Match(0);
            }
            else if (next == '"')
            {
                (isOdd, matched) = (false, 0); // it may begin one
            }
            else if (next != 'u')
            {
                Drop();
            }
        }
        else if (digit < 0)
        {
            escape = 0;
            Drop();
        }
        else
        {
            code = (code * 16) + digit;
            if (++escape == 6)
            {
                escape = 0;
                Match((char)code);
            }
        }
    }

    private void Match(char unit)
    {
        if (unit < 0x80)
        {
            Match((byte)unit);
            return;
        }

        Match((byte)(0xe0 | (unit >> 12)));
        Match((byte)(0x80 | ((unit >> 6) & 0x3f)));
        Match((byte)(0x80 | (unit & 0x3f)));
    }

    private void Match(byte next)
    {
        if (!isOdd && matched < Wanted.Length && char.ToLowerInvariant((char)next) == Wanted[matched])
        {
            matched++;
            return;
        }

        if (!isOdd && IsPlain(next))
        {
            Drop();
            return;
        }

        if (!isOdd)
        {
            isOdd = true;
            odd.Clear();
            foreach (var before in Wanted.AsSpan(0, matched))
            {
                odd.Add((byte)before);
            }
        }

        odd.Add(next);
    }

    private void Drop() => (isOdd, matched) = (false, -1);

    // With another one, a reader may still come to read our name.
    private static bool IsPlain(byte next) => next is > (byte)' ' and < 0x7f and not ((byte)'%' or (byte)'+' or (byte)'.');
}
