namespace Broker.Credentials;

/// <summary>A password's turn to be hashed, or its wait for one.</summary>
internal sealed class PasswordTurn
{
    private readonly TaskCompletionSource<bool> came = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public PasswordTurn(PasswordLine line)
    {
        Line = line;
        Place = new(this);
    }

    public PasswordLine Line { get; }

    public LinkedListNode<PasswordTurn> Place { get; }

    /// <summary>True when the turn came, false when there is none.</summary>
    public Task<bool> Came => came.Task;

    public long Began { get; private set; }

    public void Begin(long now)
    {
        Began = now;
        came.SetResult(true);
    }

    public void Refuse() => came.SetResult(false);
}

/// <summary>The turns of one address, given out or waited for.</summary>
internal sealed class PasswordLine
{
    public PasswordLine(string address)
    {
        Address = address;
        Place = new(this);
    }

    public string Address { get; }

    public LinkedListNode<PasswordLine> Place { get; }

    public LinkedList<PasswordTurn> Waiting { get; } = [];

    public int Running { get; set; }
}
