using System.Security.Cryptography;

namespace Broker.TokenService;

/// <summary>
/// How long an upstream took to refuse logins of late. Who is refused here, without it, waits as long: no name is told from another by
/// that.
/// </summary>
internal sealed class RefusalTimingEqualizer(TimeProvider time)
{
    private const int Remembered = 32;

    private static readonly TimeSpan AtFirst = TimeSpan.FromMilliseconds(100);

    private readonly Lock turn = new();
    private readonly List<TimeSpan> refusals = [];
    private int next;

    public void Saw(TimeSpan refusal)
    {
        lock (turn)
        {
            if (refusals.Count < Remembered)
            {
                refusals.Add(refusal);
                return;
            }

            refusals[next] = refusal;
            next = (next + 1) % Remembered;
        }
    }

    /// <summary>As long as one of these took.</summary>
    public Task Keep(CancellationToken cancellation)
    {
        lock (turn)
        {
            var one = refusals.Count == 0 ? AtFirst : refusals[RandomNumberGenerator.GetInt32(refusals.Count)];
            return Task.Delay(one, time, cancellation);
        }
    }
}
