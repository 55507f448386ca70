using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Simulators;

/// <summary>The routes by which another process watches a simulator and turns its knobs; they are never recorded.</summary>
internal static class ControlPlane
{
    public const string Prefix = "/_simulator";

    public static void Map(IEndpointRouteBuilder endpoints, Simulator simulator)
    {
        Map(endpoints, "GET", "/received", _ => Answer.Json(200, simulator.Received.Select(Document)));
        Map(endpoints, "DELETE", "/received", _ => Done(simulator.Received.Clear));
        Map(endpoints, "GET", "/counters", _ => Answer.Json(200, Counters(simulator)));
        Map(endpoints, "PUT", "/faults", body => SetFaults(simulator, body));
        Map(endpoints, "POST", "/revoke", _ => Done(simulator.RevokeAccessTokens));
        Map(endpoints, "POST", "/expire", _ => Done(simulator.ExpireAccessTokens));
    }

    private static void Map(IEndpointRouteBuilder endpoints, string method, string path, Func<string, Answer> work) =>
        endpoints.MapMethods(Prefix + path, [method], async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            await work(await reader.ReadToEndAsync(context.RequestAborted)).WriteAsync(context);
        });

    private static Answer Done(Action work)
    {
        work();
        return Answer.Empty(204);
    }

    private static Answer SetFaults(Simulator simulator, string body)
    {
        try
        {
            FaultsDocument.Read(body).ApplyTo(simulator.Faults);
            return Answer.Empty(204);
        }
        catch (JsonException e)
        {
            return Answer.Json(400, new { error = e.Message });
        }
    }

    private static object Counters(Simulator simulator) =>
        new
        {
            logins = simulator.Logins,
            loginsGranted = simulator.LoginsGranted,
            refreshes = simulator.Refreshes,
            refreshesGranted = simulator.RefreshesGranted,
            liveTokens = simulator.LiveTokens,
            received = simulator.Received.Count,
        };

    private static object Document(ReceivedRequest request) =>
        new
        {
            at = request.At,
            kind = request.Kind.ToString(),
            method = request.Method,
            rawTarget = request.RawTarget,
            headers = request.Headers,
            body = request.Body,
        };
}
