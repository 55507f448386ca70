using Microsoft.Extensions.Logging;

namespace Broker.UpstreamTokens;

/// <summary>Log events 300 to 399: names of the config and words of ours, never what an upstream or a caller sent.</summary>
internal static partial class TokenLog
{
    public static void Renewed(ILogger log, CellPlan plan, string call, in TokenAnswer answer, TimeSpan took)
    {
        if (answer.Kind == TokenAnswerKind.Token)
        {
            Succeeded(log, plan.Upstream, plan.Account, call, (long)took.TotalMilliseconds, (long)answer.Life.TotalSeconds);
        }
        else
        {
            var reason = answer.Reason ?? "unknown";
            Failed(log, plan.Upstream, plan.Account, call, plan.EndpointOrigin, answer.Kind, (long)took.TotalMilliseconds, reason);
        }
    }

    /// <summary>A token endpoint as the log names it: scheme, host and port. A path may hold a tenant's id.</summary>
    public static string OriginOf(Uri endpoint) => endpoint.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped);

    [LoggerMessage(
        300,
        LogLevel.Information,
        "Token of {Upstream}/{Account} renewed by {Call} in {Milliseconds} ms; it lives {LifeSeconds} s"
    )]
    private static partial void Succeeded(ILogger log, string upstream, string account, string call, long milliseconds, long lifeSeconds);

    [LoggerMessage(
        301,
        LogLevel.Warning,
        "Renewal of {Upstream}/{Account} by {Call} at {Endpoint} failed: {Outcome} after {Milliseconds} ms ({Reason})"
    )]
    private static partial void Failed(
        ILogger log,
        string upstream,
        string account,
        string call,
        string endpoint,
        TokenAnswerKind outcome,
        long milliseconds,
        string reason
    );

    [LoggerMessage(302, LogLevel.Warning, "Login budget of {Upstream}/{Account} is spent; the next login is possible in {Seconds} s")]
    public static partial void BudgetSpent(ILogger log, string upstream, string account, double seconds);

    [LoggerMessage(303, LogLevel.Error, "Renewal of {Upstream}/{Account} failed by a fault of the broker: {Fault}")]
    public static partial void Faulted(ILogger log, string upstream, string account, string fault);

    [LoggerMessage(
        304,
        LogLevel.Error,
        "Refresh token file {Path} cannot be written ({Fault}): a restart would lose the account's refresh token"
    )]
    public static partial void KeepNotWritten(ILogger log, string path, string fault);

    [LoggerMessage(305, LogLevel.Error, "Refresh token file {Path} cannot be read ({Fault}): the refresh token of the config is used")]
    public static partial void KeepUnreadable(ILogger log, string path, string fault);

    [LoggerMessage(
        306,
        LogLevel.Error,
        "A shared token is encrypted with key {Key}, which Broker:Redis:Encryption does not have: not ready until it is " + "added"
    )]
    public static partial void LacksKey(ILogger log, string key);

    [LoggerMessage(
        310,
        LogLevel.Warning,
        "{Upstream} refused a new token of {Account} at its first use: the next one is fetched at once, and then none " + "for {Seconds} s"
    )]
    public static partial void RefusedAtFirstUse(ILogger log, string upstream, string account, double seconds);

    [LoggerMessage(311, LogLevel.Warning, "{Upstream} could not be asked about one of its users at {Endpoint}: {Outcome} ({Reason})")]
    public static partial void UserNotAsked(ILogger log, string upstream, string endpoint, TokenAnswerKind outcome, string reason);
}
