using Broker.Configuration;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace Broker.Credentials;

/// <summary>An issuer's keys by OpenID discovery: fetched once for all who wait, seldom, and kept when the authority is down.</summary>
/// <remarks>
/// <code>
/// never --fetch--> known --after RefreshAfter: a fetch behind--> known
///   fails: nobody asks for RetryAfter     an unknown key id: a fetch, at most one each UnknownKeyAfter
/// </code>
/// IdentityModel's retriever reads the documents. Its ConfigurationManager is not used: before the first success it asks the authority anew
/// for every request, and it takes its own clock.
/// </remarks>
internal sealed class Authority(string address, bool allowInsecure, HttpClient client, TimeProvider time, ILogger log) : IKeySource
{
    public static readonly TimeSpan RefreshAfter = TimeSpan.FromHours(1);
    public static readonly TimeSpan UnknownKeyAfter = TimeSpan.FromSeconds(30);
    public static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    private const string WellKnown = "/.well-known/openid-configuration";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Lock slot = new();
    private readonly HttpDocumentRetriever documents = new(client) { RequireHttps = !allowInsecure };
    private volatile IssuerKeys? known;
    private Task? fetching;
    private long dueTicks;
    private long quietUntilTicks;

    /// <summary>How often the authority was asked.</summary>
    public int Fetches { get; private set; }

    public string Address { get; } = address;

    public bool AllowInsecure { get; } = allowInsecure;

    public IssuerKeys? Known
    {
        get
        {
            var keys = known;
            if (keys is not null && time.GetUtcNow().UtcTicks >= Volatile.Read(ref dueTicks))
            {
                _ = Fetch(); // behind the request: the keys known serve on
            }

            return keys;
        }
    }

    public async ValueTask<IssuerKeys?> Newer(IssuerKeys? seen, CancellationToken cancellation)
    {
        if (known is { } keys && !ReferenceEquals(keys, seen))
        {
            return keys;
        }

        try
        {
            await Fetch().WaitAsync(Patience, time, cancellation); // the fetch belongs to nobody: who gives up ends only its own wait
        }
        catch (TimeoutException)
        {
            return known;
        }

        return known;
    }

    private Task Fetch()
    {
        lock (slot)
        {
            if (fetching is { IsCompleted: false })
            {
                return fetching;
            }

            // A flood of tokens with unknown key ids must not become a flood at the authority.
            var now = time.GetUtcNow();
            if (now.UtcTicks < quietUntilTicks)
            {
                return Task.CompletedTask;
            }

            Fetches++;
            return fetching = FetchOnce();
        }
    }

    private async Task FetchOnce()
    {
        await Task.Yield(); // leaves the lock
        var wait = RetryAfter;
        try
        {
            var document = await OpenIdConnectConfigurationRetriever.GetAsync(Address.TrimEnd('/') + WellKnown, documents, CancellationToken.None);
            var keys = new IssuerKeys(document.Issuer, KeyFileParser.Usable(document.JsonWebKeySet?.Keys ?? []));
            foreach (var weak in keys.Weak)
            {
                CredentialLog.WeakKey(log, Address, weak.Id is null ? "none" : Scalars.Short(weak.Id));
            }

            if (keys.All.Count == 0)
            {
                CredentialLog.AuthorityUnreachable(log, Address, "no usable key", known is not null);
                return;
            }

            known = keys;
            Volatile.Write(ref dueTicks, (time.GetUtcNow() + RefreshAfter).UtcTicks);
            wait = UnknownKeyAfter;
            CredentialLog.AuthorityRead(log, Address, keys.All.Count);
        }
        catch (Exception problem)
        {
            // Whatever a foreign server answered: the last good keys stay. Its text is the server's, so only the kind of problem is logged.
            CredentialLog.AuthorityUnreachable(log, Address, problem.GetType().Name, known is not null);
        }
        finally
        {
            lock (slot)
            {
                quietUntilTicks = (time.GetUtcNow() + wait).UtcTicks;
            }
        }
    }
}
