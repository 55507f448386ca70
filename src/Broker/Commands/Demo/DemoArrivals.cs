using Simulators;

namespace Broker.Commands;

/// <summary>What the upstreams really received since a moment.</summary>
internal sealed class DemoArrivals
{
    private readonly DemoEnvironment stand;
    private readonly Dictionary<string, (int Data, int Renewals)> before;

    /// <summary>From now on.</summary>
    public DemoArrivals(DemoEnvironment stand)
    {
        this.stand = stand;
        before = stand.Simulators.ToDictionary(
            entry => entry.Kind,
            entry => (entry.Simulator.Received.Data.Count, RenewalsOf(entry.Simulator))
        );
    }

    /// <summary>In words, without a token.</summary>
    public string Told()
    {
        var parts = new List<string>();
        foreach (var (kind, simulator) in stand.Simulators)
        {
            parts.AddRange(
                Data(kind)
                    .GroupBy(request =>
                        (request.Method, request.RawTarget, request.Body, HasToken: request.Header("Authorization") is not null)
                    )
                    .Select(group =>
                        $"{kind} received {group.Key.Method} {group.Key.RawTarget}"
                        + (group.Key.Body.Length > 0 ? $" {group.Key.Body}" : "")
                        + (group.Count() > 1 ? $" {group.Count()} times" : "")
                        + (group.Key.HasToken ? " with a token of its own" : " without a token")
                    )
            );
            if (Renewals(kind) is var renewals and > 0)
            {
                parts.Add($"{kind} saw {Count(renewals, "login or refresh", "logins or refreshes")}");
            }
        }

        return parts.Count > 0 ? string.Join("; ", parts) : "nothing reached an upstream";
    }

    public IEnumerable<string> Differences(DemoStep step)
    {
        foreach (var (kind, _) in stand.Simulators.Where(entry => entry.Kind != step.Upstream || step.Receives is null))
        {
            if (Data(kind).Count > 0)
            {
                yield return $"{kind} received what it should not";
            }
        }

        if (step.Receives is null)
        {
            yield break;
        }

        var received = Data(step.Upstream!);
        if (step.Arrivals is { } times ? received.Count != times : received.Count < step.AtOnce)
        {
            yield return $"{step.Upstream} received {Count(received.Count, "request", "requests")}, not {(step.Arrivals ?? step.AtOnce)}";
        }

        foreach (var difference in received.SelectMany(request => Differences(step, request)).Distinct())
        {
            yield return difference;
        }

        if (step.Renewals is { } renewals && Renewals(step.Upstream!) != renewals)
        {
            var seen = Count(Renewals(step.Upstream!), "login or refresh", "logins or refreshes");
            yield return $"{step.Upstream} saw {seen}, not {renewals}";
        }

        if (!stand[step.Upstream!].Received.Token.Any(call => call.Body.Contains(step.LoginHolds, StringComparison.Ordinal)))
        {
            yield return $"no login at {step.Upstream} was for {step.LoginHolds}";
        }
    }

    /// <summary>So many of them, in words.</summary>
    public static string Count(int count, string one, string many) => $"{count} {(count == 1 ? one : many)}";

    private IEnumerable<string> Differences(DemoStep step, ReceivedRequest request)
    {
        if ($"{request.Method} {request.RawTarget}" != step.Receives)
        {
            yield return $"{step.Upstream} received {request.Method} {request.RawTarget}";
        }

        if (request.Body != (step.Body ?? ""))
        {
            yield return $"{step.Upstream} received another body: {request.Body}";
        }

        // The simulators are strict: a Bearer token that one of them accepted is one that it issued.
        var authorization = request.Header("Authorization");
        if (step.IsBare ? authorization is not null : authorization?.StartsWith("Bearer ", StringComparison.Ordinal) != true)
        {
            yield return step.IsBare ? $"{step.Upstream} received a token" : $"{step.Upstream} received no token of its own";
        }

        foreach (var (name, value) in stand.HeadersOf(step))
        {
            var credential = value.Split(' ')[^1];
            if (
                request.RawTarget.Contains(credential, StringComparison.Ordinal)
                || request.Headers.Any(header => header.Value.Any(text => text.Contains(credential, StringComparison.Ordinal)))
            )
            {
                yield return $"the caller's {name} crossed to {step.Upstream}";
            }
        }
    }

    private IReadOnlyList<ReceivedRequest> Data(string kind) => [.. stand[kind].Received.Data.Skip(before[kind].Data)];

    private int Renewals(string kind) => RenewalsOf(stand[kind]) - before[kind].Renewals;

    private static int RenewalsOf(Simulator simulator) => simulator.Logins + simulator.Refreshes;
}
