namespace Broker.Forwarding;

/// <summary>What stands behind each <c>name=</c> in the heads of a multipart body's parts.</summary>
/// <remarks>
/// Where a part begins is for the upstream's own reader to say, and it may say otherwise than ours would: so each line that starts with
/// <c>--</c> may begin
/// one, and a head ends only at the empty line that every reader takes for its end.
/// </remarks>
internal sealed class MethodOverrideMultipart
{
    private static readonly byte[] End = [.. "\r\n\r\n"u8];

    private readonly MethodOverrideText name = new();
    private State state = State.Content;
    private int matched;
    private int dashes;
    private int ended;
    private bool isExtended;
    private byte before = (byte)'\n';

    private enum State
    {
        Content,
        Head,
        BehindName,
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

    public bool Ends() => state == State.InValue && IsDoubtful;

    private bool IsDoubtful => name.IsMethodField || name.IsEncodedWord;

    private bool Step(byte next)
    {
        var isLineStart = before is (byte)'\r' or (byte)'\n';
        dashes = next == '-' && (isLineStart || dashes == 1) ? dashes + 1 : 0;
        ended =
            next == End[ended] ? ended + 1
            : next == '\r' ? 1
            : 0;
        if (ended == End.Length)
        {
            var isFound = Ends();
            (state, ended, matched) = (State.Content, 0, 0);
            return isFound;
        }

        if (state == State.Content)
        {
            if (dashes == 2)
            {
                state = State.Head;
            }

            return false;
        }

        return Matches(next)
            ? Named()
            : state switch
            {
                State.BehindName => BehindName(next),
                State.InValue => InValue(next),
                _ => false,
            };
    }

    private bool Matches(byte next)
    {
        var isStart = matched == 0 && !char.IsAsciiLetterOrDigit((char)before);
        matched = (matched > 0 || isStart) && (next | 0x20) == "name"[matched] ? matched + 1 : 0;
        return matched == 4;
    }

    private bool Named()
    {
        (matched, state, isExtended) = (0, State.BehindName, false);
        return false;
    }

    private bool BehindName(byte next)
    {
        if (next == '=')
        {
            name.Clear();
            state = State.InValue;
            return isExtended; // name*=, name*0=: no form has such names (RFC 7578, 4.2), and in another charset it could be ours
        }

        isExtended |= next == '*';
        if (!IsBlank(next) && next != '*' && !(isExtended && char.IsAsciiDigit((char)next)))
        {
            state = State.Head;
        }

        return false;
    }

    private bool InValue(byte next)
    {
        if (IsBlank(next) || next is (byte)'"' or (byte)'\'' or (byte)';')
        {
            // Where the quotes are is for the upstream to say: any of these may be the end, or stand before the beginning.
            if (IsDoubtful)
            {
                return true;
            }

            name.Clear();
            state = next == ';' ? State.Head : state;
        }
        else if (next != '\\')
        {
            name.Add(next);
        }

        return false;
    }

    private static bool IsBlank(byte next) => next is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n';
}
