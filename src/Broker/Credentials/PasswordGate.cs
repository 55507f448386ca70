using System.Diagnostics.CodeAnalysis;

namespace Broker.Credentials;

/// <summary>Lets a bounded number of password hashes be computed at the same time, and a bounded number wait for a bounded time.</summary>
/// <remarks>A flood of bad passwords takes so many processors and no more; the others keep serving.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "A SemaphoreSlim holds a handle only once AvailableWaitHandle is asked for.")]
internal sealed class PasswordGate(int limit, TimeProvider time)
{
    /// <summary>How long a password waits for its turn.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private const int QueueFactor = 32;

    private readonly SemaphoreSlim turns = new(limit, limit);
    private int waiting;

    public int Limit { get; } = limit;

    /// <summary>A turn, which must be given back by <see cref="Leave"/>; false when there is none in time.</summary>
    public async ValueTask<bool> Enter(CancellationToken cancellation)
    {
        if (turns.Wait(TimeSpan.Zero, CancellationToken.None))
        {
            return true;
        }

        if (Interlocked.Increment(ref waiting) > Limit * QueueFactor)
        {
            Interlocked.Decrement(ref waiting);
            return false;
        }

        try
        {
            using var patience = new CancellationTokenSource(Patience, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
            await turns.WaitAsync(either.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
            return false;
        }
        finally
        {
            Interlocked.Decrement(ref waiting);
        }
    }

    public void Leave() => turns.Release();
}
