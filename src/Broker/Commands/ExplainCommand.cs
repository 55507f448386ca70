using System.CommandLine;
using Broker.Configuration;
using Broker.Credentials;
using Broker.Forwarding;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;

namespace Broker.Commands;

/// <summary><c>broker explain</c>: what would become of a request, by the code that would decide about it; nothing is sent.</summary>
internal static class ExplainCommand
{
    public static Command Create(Streams streams)
    {
        var config = BrokerCommands.ConfigOption();
        var method = new Argument<string>("method") { Description = "GET, POST ..." };
        var path = new Argument<string>("path") { Description = "Path and query, as a caller would send them." };
        var caller = new Option<string?>("--caller") { Description = "The caller in the config; nobody when missing." };
        var headers = new Option<string[]>("--header", "-H") { Description = "A header, as 'Name: value'.", DefaultValueFactory = _ => [] };
        var command = new Command("explain", "Tells route, demand, decision, upstream and account of a request. Sends nothing, shows no secret. Exit code 1 when it would be refused.")
        {
            config, method, path, caller, headers,
        };
        command.SetAction(async (parsed, _) =>
        {
            using var host = new BrokerHost(parsed.GetValue(config)!, streams.Environment, NullLoggerFactory.Instance, TimeProvider.System, Severity.Warning);
            if (await CommandConfig.Load(host, streams) is not { } snapshot)
            {
                return 1;
            }

            return await Explain(host, snapshot, Request(parsed.GetValue(method)!, parsed.GetValue(path)!, parsed.GetValue(headers)!), parsed.GetValue(caller), streams);
        });
        return command;
    }

    private static async Task<int> Explain(BrokerHost host, Snapshot snapshot, HttpContext context, string? callerName, Streams streams)
    {
        var caller = callerName is null ? null : snapshot.Part<CredentialTable>().CallerNamed(callerName);
        if (callerName is not null && caller is null)
        {
            await streams.Error.WriteLineAsync($"error: the config has no caller '{callerName}'.");
            return 1;
        }

        Passage? seen = null;
        await using var app = host.Build(instead: at =>
        {
            seen = Passage.Of(at);
            seen.Route = at.GetEndpoint()?.Metadata.GetMetadata<CompiledRoute>();
            if (seen.Route is null)
            {
                at.Response.StatusCode = at.GetEndpoint() is null ? 404 : 405;
            }
            else
            {
                var credential = new CredentialResult(caller, caller is null ? CredentialProblem.Missing : CredentialProblem.None);
                seen.Refusal = Admission.TargetProblem(at, seen) ?? Admission.Judge(at, seen, credential);
            }

            return Task.CompletedTask;
        });
        context.RequestServices = app.Services;
        await ((IApplicationBuilder)app).Build()(context);
        await Tell(seen!, caller, streams.Out);
        return seen!.Refusal is null ? 0 : 1;
    }

    private static DefaultHttpContext Request(string method, string target, string[] headers)
    {
        var context = new DefaultHttpContext();
        var question = target.IndexOf('?', StringComparison.Ordinal);
        var path = question < 0 ? target : target[..question];
        context.Request.Method = method.ToUpperInvariant();
        context.Request.Scheme = "http";
        context.Request.Host = new("broker");
        context.Request.Path = PathString.FromUriComponent(path.StartsWith('/') ? path : $"/{path}");
        context.Request.QueryString = question < 0 ? default : new(target[question..]);
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = target.StartsWith('/') ? target : $"/{target}";
        foreach (var header in headers)
        {
            var colon = header.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0)
            {
                context.Request.Headers.Append(header[..colon], header[(colon + 1)..].Trim());
            }
        }

        return context;
    }

    private static async Task Tell(Passage passage, Caller? caller, TextWriter output)
    {
        var route = passage.Route;
        await output.WriteLineAsync($"route     {route?.Id ?? "none"}");
        await output.WriteLineAsync($"caller    {(route?.IsPublic == true ? "anyone (the route is public)" : caller?.Identity ?? "nobody")}");
        if (route is { IsPublic: false })
        {
            var demand = passage.Demand;
            await output.WriteLineAsync(demand.Action is null
                ? "demands   not known: the request was refused before"
                : $"demands   {demand.Action}; networks {demand.Networks}; device types {demand.DeviceTypes}; devices {demand.Devices}");
        }

        await output.WriteLineAsync(passage.Refusal is null
            ? "decision  granted"
            : $"decision  refused: {passage.Refusal.Status} {passage.Refusal.Code} ({passage.Refusal.Message})");
        await output.WriteLineAsync($"upstream  {route?.Upstream?.Name ?? "none"}");
        await output.WriteLineAsync($"account   {passage.Account?.Name ?? "none"}");
    }
}
