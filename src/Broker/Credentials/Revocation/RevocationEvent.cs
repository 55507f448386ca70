using System.Text.Json;
using System.Text.Json.Serialization;

namespace Broker.Credentials;

/// <summary>What a fact is about.</summary>
internal enum RevocationEventKind
{
    /// <summary>A token or a session was ended.</summary>
    Ended = 1,

    /// <summary>
    /// All that came of an identity before this generation was ended. Its remainder by four says whether a config disables the caller
    /// (RevocationList).
    /// </summary>
    Generation = 2,

    /// <summary>An upstream's user logged in: what an earlier login of the same user brought is old.</summary>
    User = 3,
}

/// <summary>
/// One thing that all replicas have to know. Facts only ever add up: read twice, late or in another order they say the same.
/// </summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Name">Of which token, session or identity.</param>
/// <param name="Number">Which generation, or which login.</param>
/// <param name="Until">From then on nothing that it is about is left.</param>
internal sealed record RevocationEvent(RevocationEventKind Kind, string Name, long Number, DateTimeOffset Until)
{
    /// <summary>How long it is said that a user logged in: long enough for every replica to read it.</summary>
    public static readonly TimeSpan WordLives = TimeSpan.FromMinutes(10);

    private const long MaxNumber = 1L << 53;

    /// <summary>Among whose revocations it counts; null where nobody's.</summary>
    public string? Client { get; init; }

    public byte[] Write() => JsonSerializer.SerializeToUtf8Bytes(new Form((int)Kind, Name, Number, Until.UtcTicks, Client));

    /// <summary>Null when it is none that we know of: a newer version's, say.</summary>
    public static RevocationEvent? Read(ReadOnlySpan<byte> text)
    {
        try
        {
            return
                JsonSerializer.Deserialize<Form>(text) is { N.Length: > 0, G: >= 0 and <= MaxNumber, U: > 0 } form
                && form.U <= DateTimeOffset.MaxValue.UtcTicks
                ? new((RevocationEventKind)form.K, form.N, form.G, new DateTimeOffset(form.U, TimeSpan.Zero)) { Client = form.C }
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // A broker of an earlier version reads over what it does not know.
    private sealed record Form(
        int K,
        string N,
        long G,
        long U,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? C = null
    );
}
