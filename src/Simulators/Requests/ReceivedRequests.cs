using System.Collections;
using System.Collections.Concurrent;

namespace Simulators;

/// <summary>The requests a simulator received, oldest first; the last hundred thousand are kept.</summary>
public sealed class ReceivedRequests : IEnumerable<ReceivedRequest>
{
    private const int Kept = 100_000;
    private readonly ConcurrentQueue<ReceivedRequest> _requests = new();
    private int _count;

    /// <summary>How many are kept.</summary>
    public int Count => _requests.Count;

    /// <summary>Those that came to a token endpoint.</summary>
    public IReadOnlyList<ReceivedRequest> Token => [.. _requests.Where(request => request.Kind == RequestKind.Token)];

    /// <summary>All the others.</summary>
    public IReadOnlyList<ReceivedRequest> Data => [.. _requests.Where(request => request.Kind == RequestKind.Data)];

    /// <summary>Forgets them.</summary>
    public void Clear()
    {
        while (_requests.TryDequeue(out _))
        {
            Interlocked.Decrement(ref _count);
        }
    }

    /// <inheritdoc/>
    public IEnumerator<ReceivedRequest> GetEnumerator() => _requests.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal void Add(ReceivedRequest request)
    {
        _requests.Enqueue(request);
        if (Interlocked.Increment(ref _count) > Kept && _requests.TryDequeue(out _))
        {
            Interlocked.Decrement(ref _count);
        }
    }
}
