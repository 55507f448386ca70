using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Broker.UpstreamTokens;

/// <summary>Metrics and spans of renewals; labels are names of the config, so their number is bounded.</summary>
internal static class TokenMetrics
{
    public const string Name = "Broker.UpstreamTokens";

    private static readonly Meter Meter = new(Name);
    private static readonly ActivitySource Source = new(Name);
    private static readonly Counter<long> Renewals = Meter.CreateCounter<long>("broker.renewals", description: "Calls to token endpoints.");
    private static readonly Histogram<double> Duration = Meter.CreateHistogram<double>(
        "broker.renewal.duration",
        "s",
        "How long they took."
    );
    private static readonly List<WeakReference<TokenCellRegistry>> Vaults = [];
    private static readonly ObservableGauge<double> SecondsLeft = Meter.CreateObservableGauge(
        "broker.token.seconds_left",
        () => Observe(Left, Math.Min),
        "s",
        "How long an account's token lives; of a template's many, the one that ends first."
    );

    private static readonly ObservableGauge<double> Age = Meter.CreateObservableGauge(
        "broker.token.age",
        () => Observe((token, now, time) => time.GetElapsedTime(token.GotAt, now).TotalSeconds, Math.Max),
        "s",
        "How long ago an account's token was got; of a template's many, the oldest."
    );

    public static void Watch(TokenCellRegistry vault)
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

    private static double Left(UpstreamToken token, long now, TimeProvider time) =>
        token.EndsAt <= now ? 0 : time.GetElapsedTime(now, token.EndsAt).TotalSeconds;

    private static List<Measurement<double>> Observe(
        Func<UpstreamToken, long, TimeProvider, double> read,
        Func<double, double, double> choose
    )
    {
        List<TokenCellRegistry> vaults = [];
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
        Dictionary<(string, string), double> chosen = [];
        foreach (var vault in vaults)
        {
            foreach (var cell in vault.Cells)
            {
                if (cell.Held is { } token && cell.Renewer is { } renewer)
                {
                    var value = read(token, vault.Time.GetTimestamp(), vault.Time);
                    var key = (renewer.Plan.Upstream, renewer.Plan.Account);
                    chosen[key] = chosen.TryGetValue(key, out var other) ? choose(other, value) : value;
                }
            }
        }
        return
        [
            .. chosen.Select(pair => new Measurement<double>(pair.Value, new("upstream", pair.Key.Item1), new("account", pair.Key.Item2))),
        ];
    }
}
