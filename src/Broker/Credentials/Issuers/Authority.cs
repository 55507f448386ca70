using System.Text.Json;
using Broker.Configuration;
using Broker.Operations;

namespace Broker.Credentials;

/// <summary>An issuer's keys by OpenID discovery: fetched once for all who wait, seldom, and kept when the authority is down.</summary>
/// <remarks>
/// <code>
/// never --fetch--> known --after RefreshAfter: a fetch behind--> known
///   fails: nobody asks for RetryAfter     an unknown key id, or a signature that fails: a fetch, at most one each UnknownKeyAfter
/// </code>
/// IdentityModel's readers of these documents are not used: one odd entry costs them the whole key set, and they decode nothing. Nor is its
/// ConfigurationManager: before the first success it asks the authority anew for every request, and it takes its own clock.
/// </remarks>
internal sealed class Authority(string address, bool allowInsecure, HttpClient client, TimeProvider time, ILogger log) : IKeySource
{
    public static readonly TimeSpan RefreshAfter = TimeSpan.FromHours(1);
    public static readonly TimeSpan UnknownKeyAfter = TimeSpan.FromSeconds(30);
    public static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    private const string WellKnown = "/.well-known/openid-configuration";
    private const int MostBytes = 1024 * 1024;

    private static readonly TimeSpan FetchTimeout = TimeSpan.FromSeconds(10);

    private readonly Lock slot = new();
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
            // the fetch belongs to nobody: who gives up ends only its own wait
            await Fetch().WaitAsync(FetchTimeout, time, cancellation);
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

            // A flood of tokens with unknown key ids or bad signatures must not become a flood at the authority.
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
            using var deadline = new CancellationTokenSource(FetchTimeout);
            var document = await Get(new(Address.TrimEnd('/') + WellKnown), "discovery", deadline.Token);
            var set = await Get(KeySetAddress(document), "key set", deadline.Token);
            var keys = KeySetReader.Read(set, out var leftOut);
            if (leftOut.Count > 0)
            {
                CredentialLog.KeysLeftOut(log, Address, leftOut.Count, string.Join("; ", leftOut.Distinct()));
            }

            var newer = new IssuerKeys(Text(document, "issuer"), keys);
            foreach (var weak in newer.Weak)
            {
                CredentialLog.WeakKey(log, Address, weak.Id is null ? "none" : Scalars.Short(weak.Id));
            }

            if (newer.All.Count == 0)
            {
                throw new InvalidDataException("key set: no usable key");
            }

            if (known?.AreSameAs(newer) != true)
            {
                known = newer; // while they are the same, tokens that were verified under them stay verified
            }

            Volatile.Write(ref dueTicks, (time.GetUtcNow() + RefreshAfter).UtcTicks);
            wait = UnknownKeyAfter;
            CredentialLog.AuthorityRead(log, Address, newer.All.Count);
        }
        catch (InvalidDataException problem)
        {
            CredentialLog.AuthorityUnreachable(log, Address, problem.Message, known is not null); // words of ours
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

    /// <summary>An object that the authority answered.</summary>
    /// <exception cref="InvalidDataException">It answered something else; the message says what, in words of ours.</exception>
    private async Task<JsonElement> Get(Uri address, string what, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        if (!answer.IsSuccessStatusCode)
        {
            throw new InvalidDataException($"{what}: http-{(int)answer.StatusCode}");
        }

        var (json, problem) = await ForeignJson.Read(answer.Content, MostBytes, cancellation);
        return json is { ValueKind: JsonValueKind.Object } document
            ? document
            : throw new InvalidDataException($"{what}: {problem ?? "not an object"}");
    }

    private Uri KeySetAddress(JsonElement document) =>
        Uri.TryCreate(Text(document, "jwks_uri"), UriKind.Absolute, out var uri)
        && (uri.Scheme == Uri.UriSchemeHttps || (AllowInsecure && uri.Scheme == Uri.UriSchemeHttp))
            ? uri
            : throw new InvalidDataException("discovery: no jwks_uri that is an https address");

    private static string? Text(JsonElement document, string name) =>
        document.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.String ? member.GetString() : null;
}
