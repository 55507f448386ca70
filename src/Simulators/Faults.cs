using System.Collections.Concurrent;

namespace Simulators;

/// <summary>What a simulator does wrong on purpose; each knob may be turned at any time, by any thread.</summary>
/// <remarks>
/// Every knob is one machine word, so that it is read and written whole.
/// A token call goes: hang? - the work, or the answer set here - the delay - lost? - cut?
/// So the work of a delayed or lost call is done: what was rotated is rotated.
/// </remarks>
public sealed class Faults
{
    private readonly ConcurrentQueue<Answer> _next = new();
    private readonly ConcurrentQueue<Answer> _nextRefreshes = new();

    /// <summary>How long a token answer waits after its work is done.</summary>
    public TimeSpan TokenDelay { get; set; }

    /// <summary>Token calls do nothing and answer nothing until the client gives up.</summary>
    public bool TokenHangs { get; set; }

    /// <summary>What token calls answer instead of doing their work.</summary>
    public Answer? TokenAnswer { get; set; }

    /// <summary>Half of a token answer is written, then the connection closes.</summary>
    public bool TokenCutsAnswer { get; set; }

    /// <summary>Token calls do their work and then break the connection without an answer.</summary>
    public bool TokenLosesAnswer { get; set; }

    /// <summary>What data calls answer, whoever asks.</summary>
    public Answer? DataAnswer { get; set; }

    /// <summary>How long a data call waits before it is looked at.</summary>
    public TimeSpan DataDelay { get; set; }

    /// <summary>Data calls answer the vendor's 401, whatever the token.</summary>
    public bool DataRefusesAll { get; set; }

    /// <summary>Token calls answer this so many times, then go on as before.</summary>
    public void AnswerNextTokenCalls(Answer answer, int times = 1)
    {
        for (var i = 0; i < times; i++)
        {
            _next.Enqueue(answer);
        }
    }

    /// <summary>Refreshes answer this so many times; a login that comes in between is one as ever.</summary>
    public void AnswerNextRefreshes(Answer answer, int times = 1)
    {
        for (var i = 0; i < times; i++)
        {
            _nextRefreshes.Enqueue(answer);
        }
    }

    /// <summary>Takes every fault away.</summary>
    public void Clear()
    {
        TokenDelay = DataDelay = TimeSpan.Zero;
        TokenHangs = TokenCutsAnswer = TokenLosesAnswer = DataRefusesAll = false;
        TokenAnswer = DataAnswer = null;
        _next.Clear();
        _nextRefreshes.Clear();
    }

    internal Answer? TakeTokenAnswer(TokenCall call) =>
        call == TokenCall.Refresh && _nextRefreshes.TryDequeue(out var forRefresh) ? forRefresh
        : _next.TryDequeue(out var answer) ? answer
        : TokenAnswer;
}
