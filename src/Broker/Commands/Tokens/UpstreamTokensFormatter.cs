using System.Globalization;
using System.Text.Json;
using Broker.UpstreamTokens;

namespace Broker.Commands;

/// <summary>Writes what is known of shared tokens: as a table, line by line, or as JSON.</summary>
internal static class UpstreamTokensFormatter
{
    private static readonly JsonSerializerOptions Web = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static async Task Table(IReadOnlyList<TokenStatus> known, IReadOnlyList<Account> others, TextWriter output)
    {
        List<string[]> rows =
        [
            ["ACCOUNT", "STATE", "LEFT", "GENERATION", "GOT BY", "AT", "LAST FAILURE", "LOGINS LEFT"],
        ];
        rows.AddRange(
            known.Select(status =>
                new[]
                {
                    $"{status.Upstream}/{status.Account}",
                    State(status),
                    Seconds(status.Left),
                    status.Generation == 0 ? "-" : $"{status.Generation}",
                    status.By ?? "-",
                    At(status),
                    Failure(status),
                    Budget(status),
                }
            )
        );
        rows.AddRange(
            others.Select(account => new[] { $"{account.Upstream}/{account.Name}", Other(account), "-", "-", "-", "-", "-", "-" })
        );
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows)
        {
            await output.WriteLineAsync(string.Join("  ", row.Select((text, column) => text.PadRight(widths[column]))).TrimEnd());
        }
    }

    public static async Task Lines(TokenStatus status, TextWriter output)
    {
        await output.WriteLineAsync($"account       {status.Upstream}/{status.Account}");
        await output.WriteLineAsync($"state         {State(status)}");
        await output.WriteLineAsync($"left          {Seconds(status.Left)}");
        await output.WriteLineAsync($"generation    {(status.Generation == 0 ? "-" : status.Generation)}");
        await output.WriteLineAsync($"got by        {status.By ?? "-"}");
        await output.WriteLineAsync($"at            {At(status)}");
        await output.WriteLineAsync($"being renewed {(status.IsBeingRenewed ? "yes" : "no")}");
        await output.WriteLineAsync($"last failure  {Failure(status)}");
        await output.WriteLineAsync(
            $"quiet         {(status.Quiet > TimeSpan.Zero ? $"{Seconds(status.Quiet)} ({Word(status.QuietProblem)})" : "no")}"
        );
        await output.WriteLineAsync($"refusals      {status.Refusals} of {LoginIdentity.MaxRefusals}");
        await output.WriteLineAsync($"logins left   {Budget(status)}");
    }

    public static Task Json(TokenStatus status, TextWriter output) => output.WriteLineAsync(JsonSerializer.Serialize(Form(status), Web));

    public static Task Json(IReadOnlyList<TokenStatus> known, IReadOnlyList<Account> others, TextWriter output) =>
        output.WriteLineAsync(
            JsonSerializer.Serialize(
                new
                {
                    tokens = known.Select(Form),
                    others = others.Select(account => new
                    {
                        account.Upstream,
                        account = account.Name,
                        isFixed = account.TemplateNames.Count == 0,
                        values = account.TemplateNames,
                    }),
                },
                Web
            )
        );

    private static object Form(TokenStatus status) =>
        new
        {
            status.Upstream,
            status.Account,
            status.State,
            status.Generation,
            secondsLeft = Whole(status.Left),
            renewedBy = status.By,
            renewedAt = status.At is { } at ? at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture) : null,
            status.IsOfOtherConfig,
            status.LacksKey,
            status.IsBeingRenewed,
            lastFailure = status.Failure is { } failure
                ? new
                {
                    failure.Call,
                    failure.Outcome,
                    failure.Reason,
                    failure.By,
                    secondsAgo = Whole(failure.Ago),
                }
                : null,
            quietSeconds = Whole(status.Quiet),
            quietProblem = status.Quiet > TimeSpan.Zero ? Word(status.QuietProblem) : null,
            status.Refusals,
            budgets = status.Budgets.Select(budget => new
            {
                scope = budget.Scope.ToString(),
                budget.Left.Window.Permit,
                perSeconds = Whole(budget.Left.Window.Per),
                budget.Left.Left,
                nextInSeconds = Whole(budget.Left.Wait),
            }),
        };

    private static string State(TokenStatus status) =>
        status.LacksKey is { } key ? $"needs encryption key '{key}'"
        : status.IsOfOtherConfig ? $"{status.State}, of another revision of the config"
        : status.State;

    private static string Other(Account account) =>
        account.TemplateNames.Count == 0
            ? "a fixed value"
            : $"one for each caller: upstream-tokens show {account.Upstream}/{account.Name} "
                + string.Join(' ', account.TemplateNames.Select(name => $"--value {name}=..."));

    private static string At(TokenStatus status) =>
        status.At?.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ssZ", CultureInfo.InvariantCulture) ?? "-";

    private static string Failure(TokenStatus status) =>
        status.Failure is { } failure
            ? $"{failure.Call} {failure.Outcome} ({failure.Reason}) by {failure.By} {Seconds(failure.Ago)} ago"
            : "-";

    private static string Budget(TokenStatus status) =>
        string.Join(
            ", ",
            status.Budgets.Select(budget =>
                $"{budget.Left.Left} of {budget.Left.Window.Permit} in {budget.Left.Window.Per:c}"
                + (budget.Left.Left == 0 ? $" (next in {Seconds(budget.Left.Wait)})" : "")
            )
        );

    private static string Word(TokenProblem problem) =>
        problem switch
        {
            TokenProblem.LoginRefused => "login-refused",
            TokenProblem.BudgetSpent => "budget-spent",
            _ => "unavailable",
        };

    private static long Whole(TimeSpan time) => (long)time.TotalSeconds;

    private static string Seconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{Whole(time)} s");
}
