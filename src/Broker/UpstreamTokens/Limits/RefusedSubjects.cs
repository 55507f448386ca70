namespace Broker.UpstreamTokens;

/// <summary>Routes and ids that got 401 with two successive tokens: for ten minutes their 401 is taken to be about the resource.</summary>
/// <remarks>When full the oldest is forgotten: what bounds renewals is the growing pause between rejections and half of the budget, not
/// this list.</remarks>
internal sealed class RefusedSubjects(TimeProvider time)
{
    public const int Capacity = 10_000;
    public static readonly TimeSpan Remembered = TimeSpan.FromMinutes(10);

    private readonly Lock gate = new();
    private readonly Dictionary<(TokenCell Cell, string Subject), LinkedListNode<Entry>> known = [];
    private readonly LinkedList<Entry> byAge = [];

    public void Add(TokenCell cell, string subject)
    {
        lock (gate)
        {
            if (known.Remove((cell, subject), out var old))
            {
                byAge.Remove(old);
            }
            known[(cell, subject)] = byAge.AddLast(new Entry(cell, subject, time.GetTimestamp()));
            if (known.Count > Capacity)
            {
                DropFirst();
            }
        }
    }

    public bool Contains(TokenCell cell, string subject)
    {
        lock (gate)
        {
            while (byAge.First is { } first && time.GetElapsedTime(first.Value.At) >= Remembered)
            {
                DropFirst();
            }
            return known.ContainsKey((cell, subject));
        }
    }

    private void DropFirst()
    {
        var first = byAge.First!.Value;
        known.Remove((first.Cell, first.Subject));
        byAge.RemoveFirst();
    }

    private readonly record struct Entry(TokenCell Cell, string Subject, long At);
}
