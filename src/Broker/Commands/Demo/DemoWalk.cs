using System.Text;

namespace Broker.Commands;

/// <summary>Walks the tour by itself over real HTTP, and tells of each step what was asked, expected and seen.</summary>
internal sealed class DemoWalk(DemoEnvironment stand, TextWriter output) : IDisposable
{
    private readonly HttpClient client = new(
        new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
        }
    )
    {
        Timeout = TimeSpan.FromSeconds(30),
    };

    /// <summary>Walks all; how many steps came out otherwise than expected.</summary>
    public async Task<int> Walk(IReadOnlyList<DemoStep> steps, CancellationToken stop)
    {
        var failed = 0;
        foreach (var (index, step) in steps.Index())
        {
            await output.WriteLineAsync($"{index + 1, 2}  {step.Title}");
            var differences = await Take(step, stop);
            foreach (var difference in differences)
            {
                await output.WriteLineAsync($"    DIFFERS   {difference}");
            }

            failed += differences.Count > 0 ? 1 : 0;
        }

        await output.WriteLineAsync($"{steps.Count} steps, {failed} failed");
        return failed;
    }

    public void Dispose() => client.Dispose();

    private async Task<List<string>> Take(DemoStep step, CancellationToken stop)
    {
        if (step.Before is not null)
        {
            await step.Before(stand, stop);
        }

        var arrivals = new DemoArrivals(stand);
        await output.WriteLineAsync($"    asked     {Asked(step)}");
        await output.WriteLineAsync($"    expected  {Expected(step)}");
        var answers = await Task.WhenAll(Enumerable.Range(0, step.AtOnce).Select(_ => Ask(step, stop)));
        await output.WriteLineAsync($"    came      {(answers.Length > 1 ? $"{answers.Length} times " : "")}{answers[0]}");
        await output.WriteLineAsync($"    upstream  {arrivals.Told()}");
        return [.. answers.SelectMany(answer => answer.Differences(step)).Distinct(), .. arrivals.Differences(step)];
    }

    private async Task<DemoResponse> Ask(DemoStep step, CancellationToken stop)
    {
        // As it stands: a client's own clean-up of dots would hide what the step is about.
        var target = new Uri(stand.UrlOf(step), new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        using var request = new HttpRequestMessage(new(step.Method), target);
        foreach (var (name, value) in stand.HeadersOf(step))
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        request.Content = step.Body is null ? null : new StringContent(step.Body, Encoding.UTF8, "application/json");
        try
        {
            using var response = await client.SendAsync(request, stop);
            return await DemoResponse.Of(response, stop);
        }
        catch (HttpRequestException failure)
        {
            return DemoResponse.None(failure.Message);
        }
    }

    private static string Asked(DemoStep step) =>
        $"{(step.AtOnce > 1 ? $"{step.AtOnce} times at once " : "")}{step.Request} as {step.As ?? "nobody"}"
        + (step.Headers.Count > 0 ? $", {string.Join(", ", step.Headers)}" : "")
        + (step.Body is null ? "" : $", {step.Body}")
        + (step.Given is null ? "" : $"   (after: {step.Given})");

    private static string Expected(DemoStep step)
    {
        var text = new StringBuilder($"{step.Status}{(step.Code is null ? "" : $" {step.Code}")}");
        text.Append(step.Holds.Length > 0 ? $" with '{step.Holds}'" : "")
            .Append(step.AnswerHeader is null ? "" : $", {step.AnswerHeader} said");
        text.Append(step.Receives is null ? "; nothing reaches an upstream" : $"; {step.Upstream} receives {step.Receives}");
        text.Append(
            step.Receives is null || step.Arrivals == 1 ? ""
            : step.Arrivals is { } times ? $" {times} times"
            : $" {step.AtOnce} times or more"
        );
        text.Append(
            step.Receives is null ? ""
            : step.IsBare ? " without a token"
            : " with a token of its own"
        );
        return text.Append(
                step.Renewals is { } renewals ? $"; {DemoArrivals.Count(renewals, "login or refresh", "logins or refreshes")}" : ""
            )
            .ToString();
    }
}
