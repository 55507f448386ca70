using Broker.Configuration;
using Broker.UpstreamTokens;

namespace Broker.Commands;

/// <summary>The accounts of a config and the Redis in which their tokens are, for a command. What is wrong is one line.</summary>
internal sealed class UpstreamTokensAccess(Snapshot snapshot, TokenAdmin desk, SharedTokenStore store)
{
    /// <summary>Longer than a connection takes, and short enough for an operator who waits.</summary>
    private static readonly TimeSpan RedisTimeout = TimeSpan.FromSeconds(5);

    private bool hasAnswered;

    public TokenAdmin Desk => desk;

    /// <summary>By upstream, then by name.</summary>
    public IEnumerable<Account> Accounts =>
        snapshot
            .Part<UpstreamTable>()
            .ByName.Values.SelectMany(upstream => upstream.Accounts.Values)
            .OrderBy(account => account.Upstream, StringComparer.Ordinal)
            .ThenBy(account => account.Name, StringComparer.Ordinal);

    public static TokenCell? CellOf(Account account, Dictionary<string, string> values) => account.Cell(values);

    /// <summary>The cell of the account that is named; null when it was told what is wrong with the name.</summary>
    public async Task<TokenCell?> Find(string name, string[] values, ConsoleStreams streams)
    {
        var (upstream, account) = name.Split('/') is [var first, var second] ? (first, second) : (name, "default");
        var (mistake, cell) = Found(upstream, account, values);
        if (mistake is not null)
        {
            await streams.Error.WriteLineAsync($"error: {mistake}.");
        }
        return cell;
    }

    private (string? Problem, TokenCell? Cell) Found(string upstream, string name, string[] values)
    {
        var upstreams = snapshot.Part<UpstreamTable>().ByName;
        if (!upstreams.TryGetValue(upstream, out var found))
        {
            return ($"the config has no upstream '{upstream}'; there is {Names(upstreams.Keys)}", null);
        }
        if (!found.Accounts.TryGetValue(name, out var account))
        {
            return ($"upstream '{upstream}' has no account '{name}'; there is {Names(found.Accounts.Keys)}", null);
        }
        if (Read(values, account, out var read) is { } mistake)
        {
            return (mistake, null);
        }
        return CellOf(account, read) switch
        {
            null => ($"these values make no account of '{upstream}/{name}'", null),
            { Renewer: null } => ($"'{upstream}/{name}' is a fixed value: there is nothing in Redis, and nothing to renew", null),
            var cell => (null, cell),
        };
    }

    /// <summary>Whether Redis answers; if not, why has been told.</summary>
    public async Task<bool> Answers(TokenCell cell, ConsoleStreams streams)
    {
        hasAnswered = hasAnswered || await desk.Answers(cell, RedisTimeout);
        if (!hasAnswered)
        {
            await streams.Error.WriteLineAsync(
                $"error: Redis at {string.Join(", ", snapshot.Broker.Redis!.Endpoints)} does not answer ({store.Link.Fault})."
            );
        }
        return hasAnswered;
    }

    public async Task<TokenStatus?> Look(TokenCell cell, ConsoleStreams streams)
    {
        if (!await Answers(cell, streams))
        {
            return null;
        }
        if (await desk.Look(cell) is { } status)
        {
            return status;
        }
        hasAnswered = false;
        return await Answers(cell, streams) ? await desk.Look(cell) : null;
    }

    private static string? Read(string[] values, Account account, out Dictionary<string, string> read)
    {
        read = new(StringComparer.Ordinal);
        foreach (var value in values)
        {
            var equals = value.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1 || !account.TemplateNames.Contains(value[..equals]) || !read.TryAdd(value[..equals], value[(equals + 1)..]))
            {
                return $"--value {(equals < 1 ? "is NAME=VALUE" : $"'{value[..equals]}' is not a name, or one twice")}; "
                    + (account.TemplateNames.Count == 0 ? "this account takes none" : $"it takes {Names(account.TemplateNames)}");
            }
        }
        var missing = account.TemplateNames.Except(read.Keys).ToList();
        return missing.Count == 0
            ? null
            : $"this account is one for each caller: say whose, by {string.Join(" and ", missing.Select(name => $"--value {name}=..."))}";
    }

    private static string Names(IEnumerable<string> names) =>
        string.Join(", ", names.Order(StringComparer.Ordinal).Select(name => $"'{name}'"));
}
