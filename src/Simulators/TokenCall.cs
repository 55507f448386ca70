namespace Simulators;

/// <summary>What a call to a token endpoint asks for.</summary>
internal enum TokenCall
{
    Login,
    Refresh,
    Other,
}
