using System.Collections.Concurrent;
using Broker.UpstreamTokens;

namespace Broker.Tests.UpstreamTokens;

/// <summary>A source whose answers the test writes, one for each call, before or after the call.</summary>
internal sealed class ScriptedSource : ITokenSource
{
    private readonly ConcurrentQueue<TaskCompletionSource<TokenAnswer>> logins = new();
    private readonly ConcurrentQueue<TaskCompletionSource<TokenAnswer>> refreshes = new();
    private int issued;

    public bool CanLogin { get; init; } = true;

    public bool Rotates { get; init; }

    public TimeSpan Life { get; set; } = TimeSpan.FromMinutes(30);

    public string? RefreshToken { get; set; }

    public string? FirstRefreshToken { get; init; }

    public int Logins { get; private set; }

    public int Refreshes { get; private set; }

    public List<string?> Spent { get; } = [];

    /// <summary>The span in which the last login ran.</summary>
    public System.Diagnostics.Activity? Surrounding { get; private set; }

    public TokenAnswer Next() => TokenAnswer.Token($"token-{++issued}", RefreshToken is null ? null : $"{RefreshToken}-{issued}", Life);

    /// <summary>The next login is answered with this.</summary>
    public TaskCompletionSource<TokenAnswer> OnLogin(TokenAnswer? answer = null) => Add(logins, answer);

    public TaskCompletionSource<TokenAnswer> OnRefresh(TokenAnswer? answer = null) => Add(refreshes, answer);

    public Task<TokenAnswer> Login(CancellationToken cancellation)
    {
        Logins++;
        Surrounding = System.Diagnostics.Activity.Current;
        return Answer(logins, cancellation);
    }

    public Task<TokenAnswer> Refresh(TokenPair pair, CancellationToken cancellation)
    {
        Refreshes++;
        Spent.Add(pair.Refresh);
        return Answer(refreshes, cancellation);
    }

    private static TaskCompletionSource<TokenAnswer> Add(ConcurrentQueue<TaskCompletionSource<TokenAnswer>> queue, TokenAnswer? answer)
    {
        var source = new TaskCompletionSource<TokenAnswer>();
        if (answer is { } known)
        {
            source.SetResult(known);
        }
        queue.Enqueue(source);
        return source;
    }

    private Task<TokenAnswer> Answer(ConcurrentQueue<TaskCompletionSource<TokenAnswer>> queue, CancellationToken cancellation) =>
        queue.TryDequeue(out var answer) ? answer.Task.WaitAsync(cancellation) : Task.FromResult(Next());
}
