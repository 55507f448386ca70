using System.Collections.Concurrent;
using Broker.Configuration;
using Broker.UpstreamTokens;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;

namespace Broker.Tests.UpstreamTokens;

/// <summary>A vault on a hand-moved clock, and cells in it whose sources the test writes.</summary>
internal sealed class CellBench : IDisposable
{
    public static readonly CellTimes Times = new(
        RenewBefore: TimeSpan.FromMinutes(2),
        CallDeadline: TimeSpan.FromSeconds(60),
        TokenWaitTimeout: TimeSpan.FromSeconds(15),
        RetryDelay: TimeSpan.FromSeconds(2),
        MaxRetryDelay: TimeSpan.FromMinutes(5),
        IdleTimeout: TimeSpan.FromMinutes(30)
    );

    public static readonly CancellationToken None = CancellationToken.None;

    public CellBench(ILogger<TokenCellRegistry>? log = null) => Vault = new(Clock, log ?? NullLogger<TokenCellRegistry>.Instance);

    public CountedClock Clock { get; } = new();

    public TokenCellRegistry Vault { get; }

    public ScriptedSource Source { get; init; } = new();

    public IReadOnlyList<LoginWindowOptions> Logins { get; init; } = [new() { Permit = 1000, Per = TimeSpan.FromMinutes(1) }];

    public long Now => Clock.GetTimestamp();

    public TokenCell Cell(
        string name = "one",
        ITokenSource? source = null,
        string? identity = null,
        long version = 1,
        bool onlyOne = false,
        string secret = "s",
        string? keep = null
    ) => Vault.Find(Vault.Names.Name("cell", name, secret), version, () => new CellPlan
            {
                Upstream = "up",
                Account = name,
                Source = source ?? Source,
                Times = Times,
                Logins = Logins,
                Endpoint = Vault.Names.Name("endpoint"),
                Identity = Vault.Names.Name("identity", identity ?? name),
                Fingerprint = Vault.Names.Name("secret", secret),
                IsOnlyOne = onlyOne,
                RefreshTokenFile = keep,
                Version = version,
            });

    public static async Task<UpstreamToken> Fresh(TokenCell cell)
    {
        var result = await cell.Get(None);
        return result.Token.ShouldNotBeNull($"{result.Problem}");
    }

    public static string Value(UpstreamToken token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://x/");
        token.PutOn(request);
        return request.Headers.GetValues("Authorization").ShouldHaveSingleItem()["Bearer ".Length..];
    }

    public void Pass(TimeSpan time) => Clock.Advance(time);

    public void Dispose() => Vault.Dispose();
}

/// <summary>Every line that was logged, with its arguments.</summary>
internal sealed class LogLines : ILogger<TokenCellRegistry>
{
    private readonly ConcurrentQueue<LogLevel> levels = new();

    public ConcurrentQueue<string> Lines { get; } = new();

    /// <summary>How many were logged at this level.</summary>
    public int Of(LogLevel level) => levels.Count(known => known == level);

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    )
    {
        levels.Enqueue(logLevel);
        Lines.Enqueue(
            $"{eventId.Id} {formatter(state, exception)} {exception} "
                + string.Join(' ', (state as IEnumerable<KeyValuePair<string, object?>> ?? []).Select(pair => $"{pair.Key}={pair.Value}"))
        );
    }
}
