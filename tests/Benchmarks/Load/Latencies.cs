using System.Diagnostics;

namespace Benchmarks.Load;

/// <summary>A histogram of answer times, a place for each microsecond up to a second.</summary>
internal sealed class Latencies
{
    private readonly int[] places = new int[1_000_001];

    public long Count { get; private set; }

    /// <summary>Milliseconds of the longest, however long.</summary>
    public double Longest { get; private set; }

    public void Add(long timestamps)
    {
        Longest = Math.Max(Longest, timestamps * 1000.0 / Stopwatch.Frequency);
        var microseconds = timestamps * 1_000_000 / Stopwatch.Frequency;
        places[(int)Math.Min(microseconds, places.Length - 1)]++;
        Count++;
    }

    /// <summary>Milliseconds within which this part of the answers came.</summary>
    public double Within(double part)
    {
        var rank = (long)Math.Ceiling(Count * part);
        long seen = 0;
        for (var i = 0; i < places.Length; i++)
        {
            seen += places[i];
            if (seen >= rank)
            {
                return i / 1000.0;
            }
        }

        return 0;
    }
}
