namespace Simulators;

/// <summary>The tokens of one refresh: the access token, its life, and the refresh token if there is one.</summary>
internal sealed record OAuth2Issue(string AccessToken, TimeSpan Lifetime, string? RefreshToken, OAuth2Grant Grant);
