using System.Text;

namespace Broker.UpstreamTokens;

/// <summary>A token that an upstream takes from us, ready to be put on a request. Prints as <c>***</c>.</summary>
internal sealed class UpstreamToken
{
    private readonly TimeProvider time;
    private readonly string value;
    private readonly string? queryName;
    private long lastSuccess = long.MinValue;
    private bool wasNoHelp;

    private UpstreamToken(TimeProvider time, string? headerName, string? queryName, string value)
    {
        this.time = time;
        this.queryName = queryName;
        this.value = value;
        HeaderName = headerName;
        GotAt = time.GetTimestamp();
    }

    /// <summary>The header that carries it; null when it is a query value.</summary>
    public string? HeaderName { get; init; }

    /// <summary>Its real end, as a timestamp: monotonic, so that no change of the wall clock makes it longer.</summary>
    public long EndsAt { get; private init; } = long.MaxValue;

    /// <summary>From when on it is renewed while it is handed out.</summary>
    public long DueAt { get; private init; } = long.MaxValue;

    /// <summary>When it was got, as a timestamp.</summary>
    public long GotAt { get; }

    /// <summary>When the last request that succeeded with it was sent.</summary>
    public long LastSuccess => Volatile.Read(ref lastSuccess);

    /// <summary>
    /// Whether the upstream took it at its first use. One that was refused again, after a request had been sent with two, counts as never
    /// taken.
    /// </summary>
    public bool HasWorked => LastSuccess != long.MinValue && !Volatile.Read(ref wasNoHelp);

    /// <summary>Whether its real end has come: such a token is never sent.</summary>
    public bool IsOver => EndsAt != long.MaxValue && time.GetTimestamp() >= EndsAt;

    /// <summary>A token that was fetched, behind the scheme that its upstream takes.</summary>
    public static UpstreamToken Fetched(TimeProvider time, string scheme, string access, long endsAt, long dueAt) =>
        new(time, "Authorization", null, $"{scheme} {access}") { EndsAt = endsAt, DueAt = dueAt };

    /// <summary>A value that never ends, in a header.</summary>
    public static UpstreamToken FixedHeader(TimeProvider time, string header, string value) => new(time, header, null, value);

    /// <summary>A value that never ends, in the query.</summary>
    public static UpstreamToken FixedQuery(TimeProvider time, string query, string value) => new(time, null, query, value);

    /// <summary>Puts the token on a request, in the place of whatever stood there.</summary>
    public void PutOn(HttpRequestMessage request)
    {
        if (HeaderName is { } header)
        {
            request.Headers.Remove(header);
            request.Headers.TryAddWithoutValidation(header, value);
        }
        else
        {
            request.RequestUri = WithQuery(request.RequestUri ?? throw new InvalidOperationException("The request has no address."));
        }
    }

    /// <summary>
    /// Whether a text of the upstream's repeats a token that stands in the query; one in a header is not a thing that addresses repeat.
    /// </summary>
    public bool IsIn(string text) =>
        queryName is not null
        && (
            text.Contains(value, StringComparison.Ordinal) || text.Contains(Uri.EscapeDataString(value), StringComparison.OrdinalIgnoreCase)
        );

    /// <summary>Says that a request sent at this <see cref="TimeProvider.GetTimestamp"/> was accepted (2xx) with this token.</summary>
    public void Succeeded(long sentAt)
    {
        var seen = Volatile.Read(ref lastSuccess);
        while (sentAt > seen)
        {
            var before = Interlocked.CompareExchange(ref lastSuccess, sentAt, seen);
            if (before == seen)
            {
                return;
            }
            seen = before;
        }
    }

    /// <summary>Says that a request was refused with this token as with the one before.</summary>
    public void WasNoHelp() => Volatile.Write(ref wasNoHelp, true);

    /// <summary>Whether the upstream would see the same bytes.</summary>
    public bool IsSameAs(UpstreamToken other) => string.Equals(value, other.value, StringComparison.Ordinal);

    public override string ToString() => "***";

    /// <summary>
    /// Every value of the name goes, in whatever case: an upstream may read names without regard to it, and might read the caller's.
    /// </summary>
    private Uri WithQuery(Uri uri)
    {
        var address = uri.AbsoluteUri;
        var fragment = address.IndexOf('#', StringComparison.Ordinal);
        address = fragment < 0 ? address : address[..fragment];
        var question = address.IndexOf('?', StringComparison.Ordinal);
        var built = new StringBuilder(question < 0 ? address : address[..question]).Append('?');
        if (question >= 0)
        {
            foreach (var pair in address[(question + 1)..].Split('&', StringSplitOptions.RemoveEmptyEntries))
            {
                if (!string.Equals(NameOf(pair), queryName, StringComparison.OrdinalIgnoreCase))
                {
                    built.Append(pair).Append('&');
                }
            }
        }
        built.Append(Uri.EscapeDataString(queryName!)).Append('=').Append(Uri.EscapeDataString(value));
        // The rest of the address stays byte for byte what the policy read.
        return new Uri(built.ToString(), new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
    }

    private static string NameOf(string pair)
    {
        var equals = pair.IndexOf('=', StringComparison.Ordinal);
        return Uri.UnescapeDataString((equals < 0 ? pair : pair[..equals]).Replace('+', ' '));
    }
}
