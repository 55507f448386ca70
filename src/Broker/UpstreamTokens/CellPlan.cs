using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>All that a cell knows of its account: how to ask, how often, and under which names what it shares is kept.</summary>
internal sealed record CellPlan
{
    public required string Upstream { get; init; }

    /// <summary>The account's name in the config; never a rendered template.</summary>
    public required string Account { get; init; }

    public required ITokenSource Source { get; init; }

    public required CellTimes Times { get; init; }

    public required IReadOnlyList<LoginWindowOptions> Logins { get; init; }

    /// <summary>The token endpoint, for its login budget.</summary>
    public required OpaqueName Endpoint { get; init; }

    /// <summary>Scheme, host and port of the token endpoint, for the log.</summary>
    public string EndpointOrigin { get; init; } = "";

    /// <summary>Who logs in there: where templates decide it, one caller's user.</summary>
    public required OpaqueName Identity { get; init; }

    /// <summary>The account of the config, for the budget that all its users share.</summary>
    public OpaqueName OfAllUsers
    {
        get => field == default ? Identity : field;
        init;
    }

    /// <summary>The secrets it shows, and what the caller brought.</summary>
    public required OpaqueName Fingerprint { get; init; }

    /// <summary>Whose a window of the login budget is.</summary>
    public OpaqueName BudgetOf(LoginScope scope) =>
        scope switch
        {
            LoginScope.Endpoint => Endpoint,
            LoginScope.Account => OfAllUsers,
            _ => Identity,
        };

    /// <summary>Whether a login or refresh kills the identity's other tokens.</summary>
    public required bool IsOnlyOne { get; init; }

    /// <summary>The file that keeps the refresh token over a restart.</summary>
    public required string? RefreshTokenFile { get; init; }

    /// <summary>What stands before the token in Authorization.</summary>
    public string Scheme { get; init; } = "Bearer";

    /// <summary>The snapshot that it is of.</summary>
    public required long Version { get; init; }
}
