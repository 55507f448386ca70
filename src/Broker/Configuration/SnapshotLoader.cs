using System.Text.Json.Nodes;
using Policies;

namespace Broker.Configuration;

/// <summary>
/// Makes a snapshot of the config files: read, merge, bind, validate, compile; nothing is published unless all of it is in order.
/// </summary>
/// <param name="files">The config files; a later one goes before an earlier.</param>
/// <param name="compilers">The folders' parts, in their order.</param>
/// <param name="store">Where a good snapshot is published.</param>
/// <param name="environment">The environment's variables by name; they count where the config names them and nowhere else.</param>
internal sealed class SnapshotLoader(
    IReadOnlyList<string> files,
    IEnumerable<ISnapshotCompiler> compilers,
    SnapshotStore store,
    Func<string, string?> environment
)
{
    private readonly Lock turn = new();
    private readonly List<ISnapshotCompiler> compilers = [.. compilers];
    private Sources? seen;
    private long version;

    /// <summary>
    /// How bad it is when a secret's file or variable is not there: an error to serve, a warning to check on another machine.
    /// </summary>
    public Severity MissingSecrets { get; init; } = Severity.Error;

    /// <summary>Reads a candidate and publishes nothing.</summary>
    public LoadResult Load()
    {
        lock (turn)
        {
            return Read();
        }
    }

    /// <summary>Reads a candidate and publishes it; a bad one changes nothing but what the store says of it.</summary>
    public LoadResult TryReload()
    {
        lock (turn)
        {
            var result = Read();
            if (result.Snapshot is { } snapshot)
            {
                store.Publish(snapshot);
            }
            else
            {
                store.Refuse(result.ConfigErrors.All);
            }

            return result;
        }
    }

    /// <summary>Whether a file or variable that the last reading looked at holds something else now.</summary>
    public bool HaveSourcesChanged()
    {
        lock (turn)
        {
            return seen?.HaveChanged() ?? true;
        }
    }

    private LoadResult Read()
    {
        var mistakes = new ConfigErrors();
        var sources = new Sources(environment);
        seen = sources;
        try
        {
            var candidate = Candidate(sources, mistakes);
            return new(mistakes.HasErrors ? null : candidate, mistakes);
        }
        finally
        {
            sources.Forget();
        }
    }

    private Snapshot? Candidate(Sources sources, ConfigErrors mistakes)
    {
        // 1. read and merge
        if (new ConfigFiles(files, sources, mistakes).Read() is not { } tree)
        {
            return null;
        }

        // 2. bind every section
        var sections = new Sections(tree.Root, mistakes);
        var secrets = new SecretReader(sources, mistakes, MissingSecrets);
        var broker = new OptionsBinder(mistakes, secrets, tree.FromEnvironment).Bind<BrokerOptions>(sections.Broker, "Broker");
        var framework = new OptionsBinder(mistakes, secrets, tree.FromEnvironment) { Lenient = true };
        var proxy = framework.Bind<ReverseProxyShape>(sections.ReverseProxy, "ReverseProxy");
        var kestrel = framework.Bind<KestrelShape>(sections.Kestrel, "Kestrel");

        // 3. what the keys say together
        var later = new ConfigErrors();
        var actions = new ConfigValidator(broker, sections.Broker, later).Validate();
        RouteKeys(proxy, later);
        ListenerChecks.Check(kestrel, broker, tree.FromEnvironment, later);
        ListenerChecks.CheckFiles(kestrel, sources, later, MissingSecrets);
        mistakes.AddUnlessExplained(later);
        Watch(broker, sources);

        // 4. compile what there is, blanks where something could not be read: whoever mends a config wants to hear everything at once
        var candidate = NewSnapshot(broker, sections, actions);
        Compile(candidate, mistakes);
        return candidate;
    }

    private Snapshot NewSnapshot(BrokerOptions broker, Sections sections, ActionNames actions) =>
        new()
        {
            Version = ++version,
            Broker = broker,
            ReverseProxy = sections.ReverseProxy,
            Kestrel = sections.Kestrel,
            Serilog = sections.Serilog,
            Actions = actions,
        };

    private void Compile(Snapshot candidate, ConfigErrors mistakes)
    {
        foreach (var compiler in compilers)
        {
            var later = new ConfigErrors();
            Exception? failure = null;
            try
            {
                compiler.Compile(candidate, later);
            }
            catch (Exception exception)
            {
                failure = exception; // a reload never takes the process down
            }

            var isBlank = mistakes.HasErrors || later.HasErrors || mistakes.HasUnread;
            mistakes.AddUnlessExplained(later);
            if (failure is not null)
            {
                // What was told before may well be why; the text of an exception may hold a value.
                if (isBlank)
                {
                    mistakes.NotLookedAt("ReverseProxy:Routes"); // the compilers after this one did not run
                    return;
                }

                mistakes.Error(
                    compiler.GetType().Name,
                    $"could not compile the config ({failure.GetType().Name}); this is a fault of the broker's"
                );
                return;
            }
        }
    }

    private static void RouteKeys(ReverseProxyShape proxy, ConfigErrors mistakes)
    {
        foreach (var (name, route) in proxy.Routes ?? new Dictionary<string, RouteShape>())
        {
            var path = $"ReverseProxy:Routes:{name}";
            for (var i = 0; i < route.Transforms?.Count; i++)
            {
                TransformShape.Check(route.Transforms[i], $"{path}:Transforms:{i}", mistakes);
            }
        }
    }

    // Issuers' key files are read by the code that verifies with them; a change is noticed here.
    private static void Watch(BrokerOptions broker, Sources sources)
    {
        foreach (var file in broker.Issuers.Values.Select(issuer => issuer.KeyFile).OfType<string>())
        {
            sources.File(file);
        }
    }
}

/// <summary>What became of a reading: a snapshot, or none, and every mistake (a snapshot may come with warnings).</summary>
internal sealed record LoadResult(Snapshot? Snapshot, ConfigErrors ConfigErrors);
