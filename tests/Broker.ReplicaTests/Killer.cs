using Simulators;

namespace Broker.ReplicaTests;

/// <summary>
/// Kills or pauses the broker that is renewing, at a moment drawn from a seed: at a step on its way to Redis or back, or within the call.
/// </summary>
internal sealed class Killer(Fleet fleet, Wire[] wires, Simulator[] upstreams, Random chance, TimeSpan lease)
{
    private static readonly string[] Steps = ["take", "note", "extend", "commit", "release", "permit", "call", "call", "commit", "note"];
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(8);

    private TaskCompletionSource<bool>? resumed;
    private int victim = -1;

    /// <summary>Waits for the moment and strikes; says what was done.</summary>
    public async Task<string> Strike()
    {
        var step = Steps[chance.Next(Steps.Length)];
        var (kills, onAnswer, passesOn) = (chance.Next(2) == 0, chance.Next(2) == 0, chance.Next(2) == 0);
        var delay = TimeSpan.FromMilliseconds(chance.Next(step == "extend" ? 700 : 250));
        foreach (var upstream in upstreams)
        {
            upstream.Faults.TokenDelay =
                step == "extend" ? TimeSpan.FromMilliseconds(700)
                : step == "call" ? TimeSpan.FromMilliseconds(150)
                : TimeSpan.Zero;
            if (step is "permit" && upstream is OAuth2Simulator)
            {
                // So that there is a login. Of refreshes only: a login that is on its way already would be refused, and rightly answered
                // with 502.
                upstream.Faults.AnswerNextRefreshes(Answer.Json(400, new { error = "invalid_grant" }));
            }
        }
        var hit = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        resumed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var how = await (step == "call" ? InCall(hit, kills, delay) : OnWire(hit, step, kills, onAnswer, passesOn));
        foreach (var upstream in upstreams)
        {
            upstream.Faults.Clear();
        }
        return $"broker {victim} {(kills ? "killed" : "paused")} {how}";
    }

    /// <summary>Lets the paused go on, after longer than the lease; starts another in the place of the killed.</summary>
    public async Task Mend()
    {
        if (fleet.Brokers[victim].IsPaused)
        {
            await Task.Delay(lease * (1 + chance.NextDouble()));
            fleet.Brokers[victim].Resume();
        }
        else
        {
            await fleet.Brokers[victim].DisposeAsync();
            await fleet.Begin(victim);
        }
        resumed!.TrySetResult(true);
        foreach (var wire in wires)
        {
            wire.Gate = null;
        }
    }

    private async Task<string> OnWire(TaskCompletionSource<int> hit, string step, bool kills, bool onAnswer, bool passesOn)
    {
        var armed = -1; // whose answer is waited for
        var struck = 0;
        var anyStep = false;
        for (var i = 0; i < wires.Length; i++)
        {
            var broker = i;
            wires[i].Gate = async passing =>
            {
                if (
                    !passing.IsAnswer
                    && onAnswer
                    && (anyStep ? Commands.Holds(passing.Bytes, "take") : Commands.Holds(passing.Bytes, step))
                )
                {
                    Interlocked.CompareExchange(ref armed, broker, -1);
                }
                var isIt = passing.IsAnswer
                    ? onAnswer && Volatile.Read(ref armed) == broker
                    : !onAnswer && Commands.Holds(passing.Bytes, anyStep ? "take" : step);
                if (!isIt || Interlocked.Exchange(ref struck, 1) == 1)
                {
                    return true;
                }
                Hit(broker, kills);
                hit.TrySetResult(broker);
                if (!passesOn && !kills)
                {
                    await resumed!.Task; // comes late
                }
                return passesOn || !kills;
            };
        }
        if (await Task.WhenAny(hit.Task, Task.Delay(Timeout)) != hit.Task)
        {
            anyStep = true; // this step does not come by itself
        }
        await hit.Task.WaitAsync(TimeSpan.FromSeconds(90));
        return $"{(onAnswer ? "at the answer to" : "with")} '{(anyStep ? "take" : step)}' {(passesOn ? "that arrived" : kills ? "that did not arrive" : "that arrived later")}";
    }

    private async Task<string> InCall(TaskCompletionSource<int> hit, bool kills, TimeSpan delay)
    {
        var seen = upstreams.Sum(upstream => upstream.Received.Token.Count);
        await Eventually.Holds(
            () =>
            {
                var calls = upstreams.SelectMany(upstream => upstream.Received.Token).OrderBy(request => request.At).ToList();
                if (calls.Count > seen && Sockets.OwnerOf(calls[^1].RemotePort, fleet.Brokers.Where(broker => !broker.IsDead)) is { } owner)
                {
                    hit.TrySetResult(fleet.Brokers.ToList().IndexOf(owner));
                    return true;
                }
                return false;
            },
            "somebody renews"
        );
        await Task.Delay(delay);
        Hit(await hit.Task, kills);
        return $"{delay.TotalMilliseconds} ms into the call";
    }

    private void Hit(int broker, bool kills)
    {
        victim = broker;
        if (kills)
        {
            fleet.Brokers[broker].Kill();
        }
        else
        {
            fleet.Brokers[broker].Pause();
        }
    }
}
