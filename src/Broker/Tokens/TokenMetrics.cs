using System.Diagnostics;
using System.Diagnostics.Metrics;
using Broker.Tokens.Sources;

namespace Broker.Tokens;

/// <summary>Metrics and spans of renewals; labels are names of the config, so their number is bounded.</summary>
internal static class TokenMetrics
{
    public const string Name = "Broker.Tokens";

    private static readonly Meter Meter = new(Name);
    private static readonly ActivitySource Source = new(Name);
    private static readonly Counter<long> Renewals = Meter.CreateCounter<long>("broker.renewals", description: "Calls to token endpoints.");
    private static readonly Histogram<double> Duration = Meter.CreateHistogram<double>("broker.renewal.duration", "s", "How long they took.");
    private static readonly List<WeakReference<TokenVault>> Vaults = [];
    private static readonly ObservableGauge<double> SecondsLeft = Meter.CreateObservableGauge(
        "broker.token.seconds_left", Observe, "s", "How long an account's token lives; of a template's many, the one that ends first.");

    public static void Watch(TokenVault vault)
    {
        lock (Vaults)
        {
            Vaults.RemoveAll(known => !known.TryGetTarget(out _));
            Vaults.Add(new(vault));
        }
    }

    /// <summary>A span of its own: a renewal belongs to no request.</summary>
    public static Activity? StartRenewal(CellPlan plan)
    {
        Activity.Current = null;
        return Source.StartActivity("renew", ActivityKind.Client)?.SetTag("upstream", plan.Upstream).SetTag("account", plan.Account);
    }

    public static void Renewed(CellPlan plan, string call, in TokenAnswer answer, TimeSpan took)
    {
        var outcome = answer.Kind.ToString().ToLowerInvariant();
        Activity.Current?.SetTag("call", call).SetTag("outcome", outcome).SetTag("reason", answer.Reason);
        Renewals.Add(1, new("upstream", plan.Upstream), new("call", call), new("outcome", outcome));
        Duration.Record(took.TotalSeconds, new("upstream", plan.Upstream), new("call", call), new("outcome", outcome));
    }

    private static List<Measurement<double>> Observe()
    {
        List<TokenVault> vaults = [];
        lock (Vaults)
        {
            foreach (var known in Vaults)
            {
                if (known.TryGetTarget(out var vault))
                {
                    vaults.Add(vault);
                }
            }
        }
        Dictionary<(string, string), double> least = [];
        foreach (var vault in vaults)
        {
            foreach (var cell in vault.Cells)
            {
                if (cell.Held is { } token && cell.Renewer is { } renewer)
                {
                    var now = vault.Time.GetTimestamp();
                    var left = token.EndsAt <= now ? 0 : vault.Time.GetElapsedTime(now, token.EndsAt).TotalSeconds;
                    var key = (renewer.Plan.Upstream, renewer.Plan.Account);
                    least[key] = least.TryGetValue(key, out var other) ? Math.Min(other, left) : left;
                }
            }
        }
        return [.. least.Select(pair => new Measurement<double>(pair.Value, new("upstream", pair.Key.Item1), new("account", pair.Key.Item2)))];
    }
}
