using Broker.UpstreamTokens;

namespace Broker.Tests.UpstreamTokens.Simulation;

internal enum AccountKind
{
    /// <summary>Logs in, and has a refresh token that dies at its use.</summary>
    Rotating,

    /// <summary>Logs in, and has a refresh token that can be used again.</summary>
    Refreshing,

    LoginOnly,

    /// <summary>No login: a refresh token that dies at its use is the only way in.</summary>
    RefreshOnly,

    /// <summary>No login: a refresh token that can be used again is the only way in.</summary>
    KeptRefresh,
}

/// <summary>One account: its user at the upstream, its place in Redis, and what is promised of it.</summary>
internal sealed class SimulatedAccount
{
    private static readonly NamingKey Names = new("the name key of the simulation");

    private readonly World world;

    /// <param name="world">Where.</param>
    /// <param name="name">Stands in its tokens.</param>
    /// <param name="kind">What it can do.</param>
    /// <param name="identity">Who logs in.</param>
    /// <param name="isOnlyOne">Whether all tokens of the identity are its own: a login kills them.</param>
    public SimulatedAccount(World world, string name, AccountKind kind, string identity, bool isOnlyOne)
    {
        (this.world, Name, Kind, IsOnlyOne, Identity) = (world, name, kind, isOnlyOne, Names.Name("identity", identity));
        Record = new(Identity, isOnlyOne ? Identity : CellName(0));
        Upstream = new(world, this);
        Promises = new(world, this);
    }

    public string Name { get; }

    public AccountKind Kind { get; }

    public bool IsOnlyOne { get; }

    public bool CanLogin => Kind is not (AccountKind.RefreshOnly or AccountKind.KeptRefresh);

    public bool Rotates => Kind is AccountKind.Rotating or AccountKind.RefreshOnly;

    public OpaqueName Identity { get; }

    public RecordKey Record { get; }

    public SimulatedUpstream Upstream { get; }

    public Promises Promises { get; }

    /// <summary>
    /// An account without a login whose refresh token the upstream revoked; whether it should have been is looked at when it is sent.
    /// </summary>
    public bool IsForgiven => Kind == AccountKind.RefreshOnly && Upstream.IsRevoked;

    public static OpaqueName Endpoint => Names.Name("endpoint");

    public static NamingKey Key => Names;

    public OpaqueName CellName(int revision) => Names.Name("cell", Name, IsOnlyOne ? $"{revision}" : "");

    /// <summary>The secret that stands in a revision of the config; the other half of the changes is of scopes.</summary>
    public int SecretOf(int revision) => world.ChangesSecret && IsOnlyOne ? revision : 0;

    public CellPlan Plan(Process process, int revision) =>
        new()
        {
            Upstream = "up",
            Account = Name,
            Source = new SimulatedUpstream.Source(Upstream, process, revision),
            Times = World.CellTimes,
            Logins = world.Windows,
            Endpoint = Endpoint,
            Identity = Identity,
            Fingerprint = Names.Name("secret", Name, $"{SecretOf(revision)}"),
            IsOnlyOne = IsOnlyOne,
            RefreshTokenFile = null,
            Version = revision + 1,
        };
}
