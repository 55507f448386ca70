namespace Simulators;

/// <summary>What the recorder needs to know of a route before it runs.</summary>
internal sealed record RouteTraits(RequestKind Kind, bool Streams);
