using System.Text.Json.Nodes;
using Policies;

namespace Broker.Configuration;

/// <summary>One validated, compiled, immutable reading of the whole config.</summary>
/// <remarks>A folder keeps what it compiled as a part here, so that all parts of one reading are published, and go, together.</remarks>
internal sealed class Snapshot
{
    private readonly Dictionary<Type, object> parts = [];

    /// <summary>Counts up with each reading.</summary>
    public required long Version { get; init; }

    /// <summary>The section <c>Broker</c>.</summary>
    public required BrokerOptions Broker { get; init; }

    /// <summary>The section <c>ReverseProxy</c>, its keys checked, for YARP to read.</summary>
    public required JsonObject ReverseProxy { get; init; }

    /// <summary>The section <c>Kestrel</c>, for Kestrel to read; it takes effect at start.</summary>
    public required JsonObject Kestrel { get; init; }

    /// <summary>The section <c>Serilog</c>, for Serilog to read; it takes effect at start.</summary>
    public required JsonObject Serilog { get; init; }

    /// <summary>The actions there are in this config.</summary>
    public required ActionNames Actions { get; init; }

    /// <summary>What a folder compiled. Not for the hot path: a compiled route holds what it needs.</summary>
    public T Part<T>()
        where T : class => (T)parts[typeof(T)];

    /// <summary>Keeps what a folder compiled; only while the snapshot is a candidate.</summary>
    public void Add<T>(T part)
        where T : class => parts.Add(typeof(T), part);
}

/// <summary>Compiles one folder's part of a candidate and tells every mistake in it.</summary>
/// <remarks>Called in the order in which BrokerHost lists them. Keeps nothing of a candidate that is not published.</remarks>
internal interface ISnapshotCompiler
{
    void Compile(Snapshot candidate, ConfigErrors mistakes);
}
