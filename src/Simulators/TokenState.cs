namespace Simulators;

/// <summary>What has become of a token.</summary>
internal enum TokenState
{
    Unknown,
    Live,
    Expired,
    Revoked,
}
