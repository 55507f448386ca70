using System.CommandLine;
using Broker.Configuration;
using Broker.Credentials;
using Broker.Forwarding;
using Microsoft.Extensions.Logging.Abstractions;

namespace Broker.Commands;

/// <summary><c>broker explain</c>: what would become of a request, by the code that would decide about it; nothing is sent.</summary>
internal static class ExplainCommand
{
    public static Command Create(ConsoleStreams streams)
    {
        var config = BrokerCommands.ConfigOption();
        var method = new Argument<string>("method") { Description = "GET, POST ..." };
        var path = new Argument<string>("path") { Description = "Path and query, as a caller would send them." };
        var caller = new Option<string?>("--caller") { Description = "The caller in the config; nobody when missing." };
        var headers = new Option<string[]>("--header", "-H") { Description = "A header, as 'Name: value'.", DefaultValueFactory = _ => [] };
        var command = new Command(
            "explain",
            "Tells route, demand, decision, upstream and account of a request. Sends nothing, shows no secret. Exit code 1 when it "
                + "would be refused."
        )
        {
            config,
            method,
            path,
            caller,
            headers,
        };
        command.SetAction(
            async (parsed, _) =>
            {
                using var host = new BrokerHost(
                    parsed.GetValue(config)!,
                    streams.Environment,
                    NullLoggerFactory.Instance,
                    TimeProvider.System,
                    Severity.Warning
                );
                if (await CommandConfig.Load(host, streams) is not { } snapshot)
                {
                    return 1;
                }

                if (
                    ExplainRequest.Of(parsed.GetValue(method)!, parsed.GetValue(path)!, parsed.GetValue(headers)!, out var mistake)
                    is not { } request
                )
                {
                    await streams.Error.WriteLineAsync($"error: {mistake}");
                    return 1;
                }

                return await Explain(host, snapshot, request, parsed.GetValue(caller), streams);
            }
        );
        return command;
    }

    private static async Task<int> Explain(
        BrokerHost host,
        Snapshot snapshot,
        HttpContext context,
        string? callerName,
        ConsoleStreams streams
    )
    {
        var caller = callerName is null ? null : snapshot.Part<CredentialTable>().CallerNamed(callerName);
        if (callerName is not null && caller is null)
        {
            await streams.Error.WriteLineAsync($"error: the config has no caller '{callerName}'.");
            return 1;
        }

        await using var app = host.Build(instead: at =>
        {
            var seen = BrokeredRequest.Of(at);
            seen.Route = at.GetEndpoint()?.Metadata.GetMetadata<CompiledRoute>();
            if (seen.Route is null)
            {
                at.Response.StatusCode = at.GetEndpoint() is null ? 404 : 405;
            }
            else
            {
                seen.Refusal = Admission.TargetProblem(at, seen)
                    ?? Admission.Judge(at, seen, new(caller, Problem(snapshot, seen.Route, caller)));
            }

            return Task.CompletedTask;
        });
        context.RequestServices = app.Services;
        await ((IApplicationBuilder)app).Build()(context);
        var passage = BrokeredRequest.Of(context);
        await Tell(passage, caller, streams.Out);
        if (passage.Refusal == Refusal.Failed)
        {
            await streams.Error.WriteLineAsync("error: routing failed: where two routes match alike, give one of them an Order.");
        }

        return passage.Refusal is null ? 0 : 1;
    }

    /// <summary>What reading the best of the caller's credentials would come to on this route.</summary>
    private static CredentialProblem Problem(Snapshot snapshot, CompiledRoute route, Caller? caller)
    {
        if (caller is null)
        {
            return CredentialProblem.Missing;
        }

        var options = snapshot.Broker.Callers[caller.Name];
        var has =
            (options.Keys.Count > 0 ? CredentialKinds.ApiKey : 0)
            | (options.Basic is null ? 0 : CredentialKinds.Basic)
            | (route.Credentials.Keys?.Signer is null ? 0 : CredentialKinds.Token);
        return (has & route.Accepts) == 0 ? CredentialProblem.Invalid : CredentialProblem.None;
    }

    private static async Task Tell(BrokeredRequest passage, Caller? caller, TextWriter output)
    {
        var route = passage.Route;
        await output.WriteLineAsync($"route     {route?.Id ?? "none"}");
        await output.WriteLineAsync(
            $"caller    {(route?.IsPublic == true ? "anyone (the route is public)" : caller?.Identity ?? "nobody")}"
        );
        if (route is { IsPublic: false })
        {
            var demand = passage.Demand;
            await output.WriteLineAsync(
                demand.Action is null
                    ? "demands   not known: the request was refused before"
                    : $"demands   {demand.Action}; networks {demand.Networks}; device types {demand.DeviceTypes}; devices {demand.Devices}"
            );
        }

        await output.WriteLineAsync(
            passage.Refusal is null
                ? "decision  granted"
                : $"decision  refused: {passage.Refusal.Status} {passage.Refusal.Code} ({passage.Refusal.Message})"
        );
        await output.WriteLineAsync($"upstream  {route?.Upstream?.Name ?? "none"}");
        await output.WriteLineAsync($"account   {passage.Account?.Name ?? "none"}");
    }
}
