namespace Simulators;

/// <summary>What a token was granted for.</summary>
internal sealed record OAuth2Grant(string Client, string Subject, string Scope, string Audience);
