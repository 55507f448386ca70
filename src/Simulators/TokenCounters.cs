namespace Simulators;

/// <summary>How many logins and refreshes were asked for, and how many were granted.</summary>
internal sealed class TokenCounters
{
    private readonly int[] _asked = new int[3];
    private readonly int[] _granted = new int[3];

    public int Asked(TokenCall call) => Volatile.Read(ref _asked[(int)call]);

    public int Granted(TokenCall call) => Volatile.Read(ref _granted[(int)call]);

    public void Ask(TokenCall call) => Interlocked.Increment(ref _asked[(int)call]);

    public void Grant(TokenCall call) => Interlocked.Increment(ref _granted[(int)call]);
}
