using Broker.Configuration;
using Policies;

namespace Broker.Forwarding;

/// <summary>What a route says of its path: <c>Strict</c> or <c>Loose</c>, and <c>Rewritten</c> beside either, with a reason.</summary>
internal sealed class PathWord
{
    private static readonly string[] Words = ["Strict", "Loose", "Rewritten"];

    private readonly RouteMetadata metadata;

    public PathWord(RouteMetadata metadata)
    {
        this.metadata = metadata;
        var words = metadata.List("Path");
        IsLoose = words.Contains("Loose");
        IsRewritten = words.Contains("Rewritten");
        if (
            metadata.Says("Path")
            && (
                words.Count == 0
                || words.Except(Words).Any()
                || words.Distinct().Count() < words.Count
                || (IsLoose && words.Contains("Strict"))
            )
        )
        {
            metadata.Error("Path", "is one of \"Strict\", \"Loose\", \"Rewritten\" and \"Loose,Rewritten\".");
        }

        CheckReason();
        if (IsLoose)
        {
            metadata.Warning(
                "Path",
                "lets paths cross that an upstream may read differently from the broker: keep the route's rights as wide as its upstream's."
            );
        }
    }

    public bool IsLoose { get; }

    /// <summary>The upstream is asked for something else than what was decided on, and the config says why.</summary>
    public bool IsRewritten { get; }

    /// <summary>What a selector reads of the path is what leaves, or the route says that it is not.</summary>
    public void Check(string key, Selector? selector, LeavingPath path, CarriedValues carried)
    {
        if (!IsRewritten && selector is { Kind: SelectorKind.Route } && !path.Keeps(selector.Name) && !carried.Keeps(selector.Name))
        {
            metadata.Error(
                key,
                $"selects {selector}, and after the route's transforms that value is not, or not always, in what the upstream is "
                    + "asked for: "
                    + $"what was decided on would not be what is read. Write {{{selector.Name}}} into PathPattern, or say \"Path\": "
                    + "\"Rewritten\" and why in \"PathReason\"."
            );
        }
    }

    private void CheckReason()
    {
        var reason = metadata["PathReason"];
        if (IsRewritten && string.IsNullOrWhiteSpace(reason))
        {
            metadata.Error(
                "PathReason",
                "is missing: beside \"Path\": \"Rewritten\" say why the upstream may be asked for something else than what was decided on."
            );
        }
        else if (IsRewritten)
        {
            metadata.Warning("Path", $"lets the upstream be asked for something else than what was decided on: {Scalars.Short(reason!)}");
        }
        else if (reason is not null)
        {
            metadata.Error("PathReason", "has no meaning without \"Path\": \"Rewritten\": remove it.");
        }
    }
}
