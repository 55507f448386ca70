using System.CommandLine;
using Broker.UpstreamTokens;
using Microsoft.Extensions.Logging.Abstractions;

namespace Broker.Commands;

/// <summary>
/// <c>broker upstream-tokens</c>: the upstream tokens that replicas share in Redis, as an operator sees and changes them; never a token.
/// </summary>
internal static class UpstreamTokensCommand
{
    public static Command Create(ConsoleStreams streams) =>
        new("upstream-tokens", "The upstream tokens that replicas share in Redis. Never shows a token.")
        {
            List(streams),
            Show(streams),
            Renew(streams),
            Forget(streams),
        };

    private static Command List(ConsoleStreams streams)
    {
        var (config, json) = (BrokerCommands.ConfigOption(), JsonOption());
        var command = new Command(
            "list",
            "Every account of the config: its token, who got it and when, the last failure, what is left of the login budget."
        )
        {
            config,
            json,
        };
        command.SetAction((parsed, _) => With(parsed.GetValue(config)!, streams, async opened =>
                {
                    List<TokenStatus> known = [];
                    List<Account> others = [];
                    foreach (var account in opened.Accounts)
                    {
                        if (UpstreamTokensAccess.CellOf(account, []) is not { Renewer: not null } cell)
                        {
                            others.Add(account);
                        }
                        else if (await opened.Look(cell, streams) is { } status)
                        {
                            known.Add(status);
                        }
                        else
                        {
                            return 1;
                        }
                    }
                    await (
                        parsed.GetValue(json)
                            ? UpstreamTokensFormatter.Json(known, others, streams.Out)
                            : UpstreamTokensFormatter.Table(known, others, streams.Out)
                    );
                    return 0;
                }));
        return command;
    }

    private static Command Show(ConsoleStreams streams)
    {
        var (config, json, name, values) = (BrokerCommands.ConfigOption(), JsonOption(), NameArgument(), ValueOption());
        var command = new Command("show", "One account's token, line by line.") { name, values, config, json };
        command.SetAction((parsed, _) => With(parsed.GetValue(config)!, streams, async opened =>
                {
                    if (
                        await opened.Find(parsed.GetValue(name)!, parsed.GetValue(values)!, streams) is not { } cell
                        || await opened.Look(cell, streams) is not { } status
                    )
                    {
                        return 1;
                    }
                    await (
                        parsed.GetValue(json)
                            ? UpstreamTokensFormatter.Json(status, streams.Out)
                            : UpstreamTokensFormatter.Lines(status, streams.Out)
                    );
                    return 0;
                }));
        return command;
    }

    private static Command Renew(ConsoleStreams streams)
    {
        var (config, name, values) = (BrokerCommands.ConfigOption(), NameArgument(), ValueOption());
        var command = new Command(
            "renew",
            "Replaces an account's token as if the upstream had refused it: one renewal, within the budget, and every replica takes "
                + "the new one."
        )
        {
            name,
            values,
            config,
        };
        command.SetAction(
            (parsed, _) =>
                With(parsed.GetValue(config)!, streams, async opened =>
                    await opened.Find(parsed.GetValue(name)!, parsed.GetValue(values)!, streams) is { } cell
                    && await opened.Answers(cell, streams)
                        ? await Tell(await opened.Desk.Renew(cell), cell, streams)
                        : 1
                )
        );
        return command;
    }

    private static Command Forget(ConsoleStreams streams)
    {
        var (config, name, values) = (BrokerCommands.ConfigOption(), NameArgument(), ValueOption());
        var lose = new Option<bool>("--even-if-lost")
        {
            Description = "Also for an account that can only refresh: what is stored is its way in, and would be lost.",
        };
        var command = new Command(
            "forget",
            "Takes an account's token away, from Redis and from every replica; the next request logs in. Ends its quiet time and "
                + "refusals; the login budget stays."
        )
        {
            name,
            values,
            lose,
            config,
        };
        command.SetAction((parsed, _) => With(parsed.GetValue(config)!, streams, async opened =>
                {
                    if (await opened.Find(parsed.GetValue(name)!, parsed.GetValue(values)!, streams) is not { } cell)
                    {
                        return 1;
                    }
                    if (!cell.Renewer!.Plan.Source.CanLogin && !parsed.GetValue(lose))
                    {
                        await streams.Error.WriteLineAsync(
                            "error: this account can only refresh: the stored refresh token is its way in. To lose it all the same: "
                                + "--even-if-lost"
                        );
                        return 1;
                    }
                    return await opened.Answers(cell, streams) ? await Tell(await opened.Desk.Forget(cell), cell, streams) : 1;
                }));
        return command;
    }

    private static async Task<int> With(string[] files, ConsoleStreams streams, Func<UpstreamTokensAccess, Task<int>> work)
    {
        using var host = new BrokerHost(files, streams.Environment, NullLoggerFactory.Instance, TimeProvider.System);
        if (await CommandConfig.Load(host, streams) is not { } snapshot)
        {
            return 1;
        }
        if (host.Share(withLedgers: false) is not { } store)
        {
            await streams.Error.WriteLineAsync(
                "error: the config has no Broker:Redis: tokens live in the serving process alone, and nobody else sees them."
            );
            return 1;
        }
        return await work(new(snapshot, new TokenAdmin(store), store));
    }

    private static async Task<int> Tell(TokenAdminResult answer, TokenCell cell, ConsoleStreams streams)
    {
        var plan = cell.Renewer!.Plan;
        await (
            answer.IsDone
                ? streams.Out.WriteLineAsync($"{plan.Upstream}/{plan.Account} {answer.Word}.")
                : streams.Error.WriteLineAsync($"error: {plan.Upstream}/{plan.Account}: {answer.Word}.")
        );
        return answer.IsDone ? 0 : 1;
    }

    private static Argument<string> NameArgument() =>
        new("account") { Description = "UPSTREAM/ACCOUNT; UPSTREAM alone is its account 'default'." };

    private static Option<bool> JsonOption() => new("--json") { Description = "For machines: one JSON document." };

    private static Option<string[]> ValueOption() =>
        new("--value")
        {
            Description =
                "Of an account with a template, whose token: NAME=VALUE, such as user=alice or corp:sub=17; as often as it has names.",
            DefaultValueFactory = _ => [],
        };
}
