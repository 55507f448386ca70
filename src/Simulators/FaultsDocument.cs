using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Simulators;

/// <summary>The JSON of the control plane's faults; it replaces all knobs, and an unknown name is an error.</summary>
internal sealed record FaultsDocument
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        NumberHandling = JsonNumberHandling.Strict,
    };

    public TimeSpan TokenDelay { get; init; }
    public bool TokenHangs { get; init; }
    public AnswerDocument? TokenAnswer { get; init; }

    /// <summary>How many calls get the token answer; all of them when null.</summary>
    public int? TokenAnswerTimes { get; init; }
    public bool TokenCutsAnswer { get; init; }
    public bool TokenLosesAnswer { get; init; }
    public AnswerDocument? DataAnswer { get; init; }
    public TimeSpan DataDelay { get; init; }
    public bool DataRefusesAll { get; init; }

    public static FaultsDocument Read(string json) =>
        JsonSerializer.Deserialize<FaultsDocument>(json, Format) ?? throw new JsonException("An object is needed.");

    public void ApplyTo(Faults faults)
    {
        faults.Clear();
        faults.TokenDelay = TokenDelay;
        faults.TokenHangs = TokenHangs;
        faults.TokenCutsAnswer = TokenCutsAnswer;
        faults.TokenLosesAnswer = TokenLosesAnswer;
        faults.DataAnswer = DataAnswer?.ToAnswer();
        faults.DataDelay = DataDelay;
        faults.DataRefusesAll = DataRefusesAll;
        if (TokenAnswer is not null && TokenAnswerTimes is int times)
        {
            faults.AnswerNextTokenCalls(TokenAnswer.ToAnswer(), times);
        }
        else
        {
            faults.TokenAnswer = TokenAnswer?.ToAnswer();
        }
    }

    /// <summary>An answer with its body as text.</summary>
    internal sealed record AnswerDocument(int Status, string? ContentType, string? Body, Dictionary<string, string>? Headers)
    {
        public Answer ToAnswer() =>
            new()
            {
                Status = Status,
                ContentType = ContentType,
                Body = Encoding.UTF8.GetBytes(Body ?? ""),
                Headers = Headers ?? [],
            };
    }
}
