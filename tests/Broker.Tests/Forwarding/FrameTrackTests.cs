using System.Buffers.Binary;
using Broker.Forwarding;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Broker.Tests.Forwarding;

/// <summary>The boundaries of a WebSocket's frames, however the bytes are cut.</summary>
public sealed class FrameTrackTests
{
    private static readonly int[] Lengths = [0, 1, 125, 126, 127, 65535, 65536, 70000];

    [Fact]
    public void Every_boundary_is_found_and_no_other_wherever_the_bytes_are_cut() =>
        Prop.ForAll(
                Gen.ArrayOf(Gen.Zip(Gen.Elements(Lengths), Gen.Elements(true, false)))
                    .Where(frames => frames.Length is > 0 and < 6)
                    .ToArbitrary(),
                Gen.Choose(1, 5000).ToArbitrary(),
                (frames, cut) =>
                {
                    var (bytes, boundaries) = Write(frames);
                    var track = default(FrameTrack);
                    for (var at = 0; at < bytes.Length; )
                    {
                        var some = bytes.AsSpan(at, Math.Min(cut, bytes.Length - at));
                        track.Take(some).ShouldBe(some.Length);
                        at += some.Length;
                        track.IsAtBoundary.ShouldBe(boundaries.Contains(at));
                    }
                }
            )
            .QuickCheckThrowOnFailure();

    [Fact]
    public void It_stops_at_the_end_of_the_frame_that_is_on_its_way()
    {
        var (bytes, boundaries) = Write([(300, false), (0, true), (5, false)]);
        for (var cut = 1; cut < boundaries[0]; cut++)
        {
            var track = default(FrameTrack);
            track.Take(bytes.AsSpan(0, cut));
            track.Take(bytes.AsSpan(cut), toBoundary: true).ShouldBe(boundaries[0] - cut);
            track.IsAtBoundary.ShouldBeTrue();
        }
    }

    [Fact]
    public void A_close_frame_is_seen_when_it_is_whole()
    {
        var track = default(FrameTrack);
        track.Take([0x81, 1, 8, 0x88, 2, 3]);
        track.SawClose.ShouldBeFalse();
        track.Take([0xE8]);
        track.SawClose.ShouldBeTrue();
    }

    [Fact]
    public void A_length_beyond_all_memory_is_no_boundary()
    {
        var track = default(FrameTrack);
        track.Take([0x82, 127, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
        track.Take(new byte[100_000], toBoundary: true).ShouldBe(100_000);
        track.IsAtBoundary.ShouldBeFalse();
    }

    private static (byte[] Bytes, List<int> Boundaries) Write(IEnumerable<(int Length, bool IsMasked)> frames)
    {
        var bytes = new List<byte>();
        var boundaries = new List<int>();
        foreach (var (length, isMasked) in frames)
        {
            var extended = new byte[
                length > 65535 ? 8
                : length > 125 ? 2
                : 0
            ];
            if (extended.Length == 8)
            {
                BinaryPrimitives.WriteUInt64BigEndian(extended, (ulong)length);
            }
            else if (extended.Length == 2)
            {
                BinaryPrimitives.WriteUInt16BigEndian(extended, (ushort)length);
            }

            bytes.AddRange([
                0x82,
                (byte)(
                    (
                        extended.Length == 8 ? 127
                        : extended.Length == 2 ? 126
                        : length
                    ) | (isMasked ? 0x80 : 0)
                ),
                .. extended,
            ]);
            bytes.AddRange(Enumerable.Repeat((byte)0x88, (isMasked ? 4 : 0) + length)); // payloads that look like close frames
            boundaries.Add(bytes.Count);
        }

        return ([.. bytes], boundaries);
    }
}
