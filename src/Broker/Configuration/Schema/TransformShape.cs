namespace Broker.Configuration;

/// <summary>The keys of YARP's transforms: the one that says which transform it is, and those that may stand beside it.</summary>
/// <remarks>Source: YARP 2.3.0, the transform factories; a test holds them together. Which of them the broker allows is judged where routes
/// are compiled.</remarks>
internal static class TransformShape
{
    private static readonly string[] SetOrAppend = ["Set", "Append"];
    private static readonly string[] SetOrAppendWhen = ["Set", "Append", "When"];

    /// <summary>By the first key, those that may stand beside it.</summary>
    public static IReadOnlyDictionary<string, string[]> All { get; } =
        new Dictionary<string, string[]>(StringComparer.Ordinal)
        {
            ["PathPrefix"] = [],
            ["PathRemovePrefix"] = [],
            ["PathSet"] = [],
            ["PathPattern"] = [],
            ["QueryValueParameter"] = SetOrAppend,
            ["QueryRouteParameter"] = SetOrAppend,
            ["QueryRemoveParameter"] = [],
            ["HttpMethodChange"] = ["Set"],
            ["RequestHeadersCopy"] = [],
            ["RequestHeaderOriginalHost"] = [],
            ["RequestHeader"] = SetOrAppend,
            ["RequestHeaderRouteValue"] = SetOrAppend,
            ["RequestHeaderRemove"] = [],
            ["RequestHeadersAllowed"] = [],
            ["X-Forwarded"] = ["For", "Proto", "Host", "Prefix", "HeaderPrefix"],
            ["Forwarded"] = ["ForFormat", "ByFormat", "Action"],
            ["ClientCert"] = [],
            ["ResponseHeadersCopy"] = [],
            ["ResponseHeader"] = SetOrAppendWhen,
            ["ResponseHeaderRemove"] = ["When"],
            ["ResponseHeadersAllowed"] = [],
            ["ResponseTrailersCopy"] = [],
            ["ResponseTrailer"] = SetOrAppendWhen,
            ["ResponseTrailerRemove"] = ["When"],
            ["ResponseTrailersAllowed"] = [],
        };

    public static void Check(IReadOnlyDictionary<string, string> transform, string path, ConfigErrors mistakes)
    {
        var heads = transform.Keys.Where(All.ContainsKey).ToList();
        if (heads.Count > 1)
        {
            mistakes.Error(path, $"one entry is one transform; {string.Join(" and ", heads)} need an entry each");
            return;
        }

        if (heads.Count == 0)
        {
            var said = transform.Keys.FirstOrDefault(key => !All.Values.Any(beside => beside.Contains(key)))
                ?? transform.Keys.FirstOrDefault();
            mistakes.Error(
                path,
                said is null ? "the transform is empty" : $"no transform of YARP's has the key '{said}': {DidYouMean.Say(said, All.Keys)}"
            );
            return;
        }

        var beside = All[heads[0]];
        foreach (var key in transform.Keys.Where(key => key != heads[0] && !beside.Contains(key)))
        {
            mistakes.Error($"{path}:{key}", $"unknown key of the transform {heads[0]}: {DidYouMean.Say(key, beside)}");
        }
    }
}
