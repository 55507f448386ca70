namespace Broker.Forwarding;

/// <summary>The names of a JSON body's members, at any depth.</summary>
/// <remarks>Each quote may begin one: where strings are is not followed, so that nothing can be hidden from it, and it jumps from quote to quote.</remarks>
internal sealed class JsonNames
{
    private const string Wanted = "_method";

    private int matched = -1;
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

            (isBehind, matched) = (false, next == '"' ? 0 : -1);
            return next == ':';
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
            (isBehind, matched) = (matched == Wanted.Length, 0);
        }
        else
        {
            Match((char)next);
        }

        return false;
    }

    /// <summary>Behind a backslash: 'u' and four digits, or another character, which no name of ours has.</summary>
    private void Escaped(byte next)
    {
        var digit = char.IsAsciiHexDigit((char)next) ? (next <= '9' ? next - '0' : (next | 0x20) - 'a' + 10) : -1;
        if (escape == 1)
        {
            (escape, code, matched) = next == 'u' ? (2, 0, matched) : (0, 0, -1);
        }
        else if (digit < 0)
        {
            (escape, matched) = (0, -1);
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

    private void Match(char next) => matched = matched < Wanted.Length && char.ToLowerInvariant(next) == Wanted[matched] ? matched + 1 : -1;
}
