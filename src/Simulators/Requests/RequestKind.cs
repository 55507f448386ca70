namespace Simulators;

/// <summary>What a request came for.</summary>
public enum RequestKind
{
    /// <summary>A token endpoint.</summary>
    Token,

    /// <summary>Anything else.</summary>
    Data,
}
