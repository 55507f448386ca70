namespace Simulators;

/// <summary>An access token and the refresh token that goes with it.</summary>
internal sealed record DamoovPair(string AccessToken, string RefreshToken);
