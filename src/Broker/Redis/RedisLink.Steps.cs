using System.Collections.Frozen;
using StackExchange.Redis;

namespace Broker.Redis;

/// <content>Steps that are refused while Redis does others: what stands at their keys, or what our user may do there, is not as the step
/// needs it.</content>
/// <remarks>
/// Redis is not away then, and nothing but the step itself tells when it is over. Until then the step is tried after growing pauses and is
/// unanswered in between; other steps, and the same one at other keys, go on. It is told once for all steps of one hash tag, or of one user
/// without the right.
/// </remarks>
internal sealed partial class RedisLink
{
    private const int MostFaulty = 1024;
    private static readonly TimeSpan LongestStepPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StepForgotten = TimeSpan.FromMinutes(5); // nobody asked for it again

    /// <summary>Errors that say something of Redis as a whole, or of a node of it.</summary>
    private static readonly FrozenSet<string> OfAllSteps = FrozenSet.Create(
        "READONLY",
        "OOM",
        "MISCONF",
        "LOADING",
        "NOAUTH",
        "WRONGPASS",
        "MASTERDOWN",
        "CLUSTERDOWN",
        "NOREPLICAS",
        "BUSY",
        "UNBLOCKED",
        "TRYAGAIN",
        "MOVED",
        "ASK"
    );

    private readonly Lock stepState = new();
    private readonly Dictionary<string, FaultyStep> faulty = [];
    private volatile bool anyFaulty;

    /// <summary>The code of an error: its first word, or what a script of an older Redis wraps in ERR.</summary>
    private static string CodeOf(string message)
    {
        var code = message.Split(' ')[0];
        return code != "ERR"
            ? code
            : OfAllSteps
                .Append("WRONGTYPE")
                .Append("NOPERM")
                .FirstOrDefault(inner =>
                    message.Contains($"-{inner} ", StringComparison.Ordinal) || message.Contains($": {inner} ", StringComparison.Ordinal)
                )
                ?? code;
    }

    private static bool IsOfOneStep(string code) => code.All(char.IsAsciiLetterUpper) && !OfAllSteps.Contains(code);

    /// <summary>Whether the step was refused so lately that it is not tried now.</summary>
    private bool IsPausing(Asking asking)
    {
        if (!anyFaulty)
        {
            return false;
        }

        lock (stepState)
        {
            return faulty.TryGetValue(asking.ToString(), out var known) && time.GetTimestamp() < known.NotBefore;
        }
    }

    private void StepRefused(Asking asking, string code)
    {
        var (now, group, isTold) = (time.GetTimestamp(), $"{code} {(code == "NOPERM" ? "" : asking.Tag)}", true);
        lock (stepState)
        {
            Forget(now);
            if (faulty.TryGetValue(asking.ToString(), out var known) && now < known.NotBefore)
            {
                return; // one that was on its way with it
            }

            isTold = faulty.Values.Any(step => step.Group == group);
            if (known is not null || faulty.Count < MostFaulty)
            {
                var pause =
                    known is null ? TimeSpan.FromMilliseconds(100)
                    : known.Pause * 2 < LongestStepPause ? known.Pause * 2
                    : LongestStepPause;
                faulty[asking.ToString()] = new(group, pause, now + (long)(pause.TotalSeconds * time.TimestampFrequency));
                anyFaulty = true;
            }
            else
            {
                isTold = true;
            }
        }

        if (!isTold)
        {
            RedisLog.StepRefused(log, asking.Script.Name, code, asking.Keys[0].ToString());
        }
    }

    private void StepDone(Asking asking)
    {
        if (!anyFaulty)
        {
            return;
        }

        lock (stepState)
        {
            if (!faulty.Remove(asking.ToString(), out var over))
            {
                return;
            }

            var now = time.GetTimestamp();
            var others = faulty.Where(step => step.Value.Group == over.Group).ToList();
            if (others.Any(step => now < step.Value.NotBefore))
            {
                anyFaulty = true;
                return;
            }

            // Whose pause ran out, and nobody asked again: these say nothing of now.
            others.ForEach(step => faulty.Remove(step.Key));
            anyFaulty = faulty.Count > 0;
        }

        RedisLog.StepDone(log, asking.Script.Name, asking.Keys[0].ToString());
    }

    private void Forget(long now)
    {
        foreach (var (id, step) in faulty.ToList())
        {
            if (now > step.NotBefore && time.GetElapsedTime(step.NotBefore, now) > StepForgotten)
            {
                faulty.Remove(id);
            }
        }
    }

    private sealed record FaultyStep(string Group, TimeSpan Pause, long NotBefore);

    /// <summary>A step, and the keys that it is for.</summary>
    private readonly record struct Asking(RedisScript Script, RedisKey[] Keys)
    {
        /// <summary>What keys of one slot have in common, as this broker names them.</summary>
        public string Tag =>
            Keys[0].ToString() is var key
            && key.IndexOf('{', StringComparison.Ordinal) is >= 0 and var begin
            && key.IndexOf('}', begin) is >= 0 and var end
                ? key[begin..end]
                : key;

        public override string ToString() => $"{Script.Name} {string.Join(' ', Keys)}";
    }
}
