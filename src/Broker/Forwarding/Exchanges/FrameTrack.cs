using System.Buffers.Binary;

namespace Broker.Forwarding;

/// <summary>Where one direction of a WebSocket stands: between two frames, or within one (RFC 6455, 5.2).</summary>
internal struct FrameTrack
{
    private const int Mask = 0x80;
    private const int Close = 8;

    private Head head;
    private int read;
    private ulong left;

    /// <summary>Whether a frame of ours may stand here.</summary>
    public readonly bool IsAtBoundary => read == 0 && left == 0;

    /// <summary>Whether a close frame went by as a whole: nothing may follow it.</summary>
    public bool SawClose { get; private set; }

    /// <summary>Takes these bytes as sent.</summary>
    /// <param name="bytes">What follows on what was taken before.</param>
    /// <param name="toBoundary">Stop where the present frame ends.</param>
    /// <returns>How many were taken.</returns>
    public int Take(ReadOnlySpan<byte> bytes, bool toBoundary = false)
    {
        var at = 0;
        while (at < bytes.Length && !(toBoundary && at > 0 && IsAtBoundary))
        {
            if (left > 0)
            {
                var some = (int)Math.Min(left, (ulong)(bytes.Length - at));
                at += some;
                left -= (uint)some;
            }
            else
            {
                head[read++] = bytes[at++];
                if (read < 2 || read < HeadLength())
                {
                    continue;
                }

                left = PayloadLength();
                read = 0;
            }

            SawClose |= IsAtBoundary && (head[0] & 0xF) == Close;
        }

        return at;
    }

    private readonly int HeadLength() =>
        2
        + (
            (head[1] & ~Mask) switch
            {
                126 => 2,
                127 => 8,
                _ => 0,
            }
        )
        + ((head[1] & Mask) != 0 ? 4 : 0);

    private readonly ulong PayloadLength()
    {
        ReadOnlySpan<byte> bytes = head;
        return (head[1] & ~Mask) switch
        {
            126 => BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            127 => BinaryPrimitives.ReadUInt64BigEndian(bytes[2..]),
            var length => (ulong)length,
        };
    }

    [System.Runtime.CompilerServices.InlineArray(14)]
    private struct Head
    {
        private byte first;
    }
}
