using System.Text.Json;

namespace Broker.Commands;

/// <summary>What came back to the caller.</summary>
/// <param name="Status">The status; 0 when nothing came.</param>
/// <param name="Body">The body as text, or why nothing came.</param>
/// <param name="Headers">The answer's headers.</param>
internal sealed record DemoResponse(int Status, string Body, IReadOnlyDictionary<string, string> Headers)
{
    private const int Shown = 140;
    private static readonly string[] Telling = ["Retry-After", "WWW-Authenticate", "Allow"];

    public static async Task<DemoResponse> Of(HttpResponseMessage response, CancellationToken stop)
    {
        var headers = response
            .Headers.NonValidated.Concat(response.Content.Headers.NonValidated)
            .ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase);
        return new((int)response.StatusCode, await response.Content.ReadAsStringAsync(stop), headers);
    }

    public static DemoResponse None(string why) => new(0, why, new Dictionary<string, string>());

    public IEnumerable<string> Differences(DemoStep step)
    {
        if (Status != step.Status)
        {
            yield return $"status {Status}, not {step.Status}";
        }

        if (step.Code != Code())
        {
            yield return $"code {Code() ?? "none"}, not {step.Code ?? "none"}";
        }

        if (!Body.Contains(step.Holds, StringComparison.Ordinal))
        {
            yield return $"the body does not hold '{step.Holds}'";
        }

        if (step.AnswerHeader is { } header && !Headers.ContainsKey(header))
        {
            yield return $"the answer has no {header}";
        }
    }

    public override string ToString()
    {
        var said = Telling.Where(Headers.ContainsKey).Select(name => $"[{name}: {Headers[name]}] ");
        return $"{Status} {string.Concat(said)}{(Body.Length > Shown ? $"{Body[..Shown]}..." : Body)}";
    }

    /// <summary>A refusal of the broker's own has a code; an upstream's answer may have a member of that name, but another type.</summary>
    private string? Code()
    {
        if (Headers.GetValueOrDefault("Content-Type") != "application/problem+json")
        {
            return null;
        }

        using var document = JsonDocument.Parse(Body);
        return document.RootElement.GetProperty("code").GetString();
    }
}
