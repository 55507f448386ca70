namespace Broker.Forwarding;

/// <summary>One request under way, as <see cref="OpenExchanges"/> holds it and <see cref="ExchangeSweep"/> looks after it.</summary>
/// <remarks>A passage is one, so none is allocated. Once entered, all of it is read and written under the gate of its stripe.</remarks>
internal abstract class Exchange
{
    /// <summary>The list it stands in, and its neighbours there; null before it was entered and after it left.</summary>
    public OpenExchanges.Stripe? Stripe { get; set; }

    public Exchange? Before { get; set; }

    public Exchange? After { get; set; }

    /// <summary>When it was admitted (timestamp).</summary>
    public long AdmittedAt { get; set; }

    /// <summary>The state of all that admits, as it was when this exchange was last found to be in order; 0 for never.</summary>
    public long SeenState { get; set; }

    /// <summary>When it was last found to be in order (timestamp).</summary>
    public long SeenAt { get; set; }

    /// <summary>UTC ticks from which its credential is over; a look takes place then.</summary>
    public long OverAt { get; set; } = long.MaxValue;

    /// <summary>A look waits for somebody: an issuer, Redis, a password's hash.</summary>
    public bool IsLookedAt { get; set; }

    /// <summary>Since when nobody can say (timestamp); 0 when somebody can.</summary>
    public long UnknownSince { get; set; }

    /// <summary>When it was told to end (timestamp); 0 for not yet.</summary>
    public long EndedAt { get; set; }
}
