using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Simulators;

/// <summary>The routes of a simulator, each behind the faults that are set.</summary>
internal sealed class Routes(IEndpointRouteBuilder endpoints, Simulator simulator)
{
    private Faults Faults => simulator.Faults;

    public void Login(string pattern, Func<Call, Answer> work) => Token("POST", pattern, _ => TokenCall.Login, work);

    public void Refresh(string pattern, Func<Call, Answer> work) => Token("POST", pattern, _ => TokenCall.Refresh, work);

    public void Token(string method, string pattern, Func<Call, TokenCall> kind, Func<Call, Answer> work) =>
        Map(method, pattern, new(RequestKind.Token, Streams: false), call => AnswerTokenAsync(call, kind(call), work));

    public void Data(string method, string pattern, Func<Call, Answer> work) => Data(method, pattern, call => Task.FromResult(work(call)));

    public void Data(string method, string pattern, Func<Call, Task<Answer>> work) =>
        Map(method, pattern, new(RequestKind.Data, Streams: false), async call =>
        {
            var answer = await FaultAsync(call) ?? await work(call);
            await answer.WriteAsync(call.Context);
        });

    /// <summary>A route that reads and writes the connection itself, once admitted.</summary>
    public void Stream(string method, string pattern, Func<Call, Answer?> admit, Func<Call, Task> work) =>
        Map(method, pattern, new(RequestKind.Data, Streams: true), async call =>
        {
            if ((await FaultAsync(call) ?? admit(call)) is { } refusal)
            {
                await refusal.WriteAsync(call.Context);
                return;
            }
            await work(call);
        });

    private async Task AnswerTokenAsync(Call call, TokenCall kind, Func<Call, Answer> work)
    {
        simulator.Counters.Ask(kind);
        if (Faults.TokenHangs)
        {
            await simulator.WaitAsync(Timeout.InfiniteTimeSpan, call);
        }
        var answer = Faults.TakeTokenAnswer(kind) ?? work(call);
        if (answer.Granted)
        {
            simulator.Counters.Grant(kind);
        }
        await simulator.WaitAsync(Faults.TokenDelay, call);
        if (Faults.TokenLosesAnswer)
        {
            call.Context.Abort();
            return;
        }
        await answer.WriteAsync(call.Context, Faults.TokenCutsAnswer);
    }

    private async Task<Answer?> FaultAsync(Call call)
    {
        await simulator.WaitAsync(Faults.DataDelay, call);
        return Faults.DataAnswer ?? (Faults.DataRefusesAll ? simulator.Unauthorized(call) : null);
    }

    private void Map(string method, string pattern, RouteTraits traits, Func<Call, Task> work) =>
        endpoints
            .MapMethods(pattern, [method], async context =>
            {
                if (simulator.IsCaseSensitive && !HasExactCase(context))
                {
                    context.Response.StatusCode = 404;
                    return;
                }
                try
                {
                    await work(context.Features.GetRequiredFeature<Call>());
                }
                catch (OperationCanceledException)
                {
                    // The client gave up, or the simulator closes: nobody reads an answer.
                    context.Abort();
                }
            })
            .WithMetadata(traits);

    /// <summary>ASP.NET's routing takes any case; this compares the route's fixed segments with those that came.</summary>
    private static bool HasExactCase(HttpContext context)
    {
        var pattern = ((RouteEndpoint)context.GetEndpoint()!).RoutePattern.PathSegments;
        var path = context.Request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return pattern
            .Zip(path)
            .All(pair =>
                pair.First.Parts is not [RoutePatternLiteralPart literal]
                || string.Equals(literal.Content, pair.Second, StringComparison.Ordinal)
            );
    }
}
