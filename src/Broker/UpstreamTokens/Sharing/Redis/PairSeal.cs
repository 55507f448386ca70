using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using Broker.Redis;

namespace Broker.UpstreamTokens;

/// <summary>Encrypts pairs for Redis, each bound to its key's name and its generation.</summary>
internal sealed class PairSeal
{
    private const byte Plain = 0;

    private readonly Seal seal;

    /// <param name="ring">The keys by their ids; none: nothing is encrypted.</param>
    /// <param name="names">Stands outside the ring.</param>
    public PairSeal(IEnumerable<KeyValuePair<string, byte[]>> ring, NamingKey names) =>
        seal = new(ring, (id, key, generation) => names.Name("seal", id, key, $"{generation}").A);

    /// <summary>Another ring, from now on.</summary>
    public void Use(IEnumerable<KeyValuePair<string, byte[]>> newer) => seal.Use(newer);

    public byte[] Close(SharedPair pair, string key)
    {
        var text = PairText.Write(pair);
        if (!seal.HasKeys)
        {
            return [Plain, .. text];
        }
        var closed = seal.Close(text, key, pair.FencingToken);
        CryptographicOperations.ZeroMemory(text);
        return closed;
    }

    /// <summary>
    /// The pair; null when it is absent or damaged, or when <paramref name="lacks"/> names a key that is not in the ring.
    /// </summary>
    /// <remarks>An encrypted pair that is met without a ring is not ours to overwrite either.</remarks>
    public SharedPair? Open(ReadOnlySpan<byte> blob, string key, long generation, string run, out string? lacks)
    {
        if (!seal.HasKeys && blob.Length > 1 && blob[0] == Plain)
        {
            // Plain text counts where the config says so, and nowhere else.
            lacks = null;
            return PairText.Read(blob[1..], generation, run);
        }
        if (seal.Open(blob, key, generation, out lacks) is not { } plain)
        {
            return null;
        }
        var pair = PairText.Read(plain, generation, run);
        CryptographicOperations.ZeroMemory(plain);
        return pair;
    }
}

/// <summary>A pair as text; only ever inside a seal, or where the config allows plain text.</summary>
internal static class PairText
{
    /// <summary>No page ever shows it: '+' of an opaque token takes one byte, not six.</summary>
    private static readonly JsonSerializerOptions Short = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static byte[] Write(SharedPair pair) =>
        JsonSerializer.SerializeToUtf8Bytes(
            new Form(
                pair.Access,
                pair.Refresh,
                pair.Life.Ticks,
                pair.EndsAt,
                pair.EndsAtUtc.UtcTicks,
                pair.Record.A,
                pair.Record.B,
                pair.Record.C,
                pair.Record.D,
                pair.By,
                pair.Of.Hex,
                pair.Spent.Count == 0 ? null : [.. pair.Spent.Select(origin => origin.Hex)]
            ),
            Short
        );

    public static SharedPair? Read(ReadOnlySpan<byte> text, long generation, string run)
    {
        try
        {
            return JsonSerializer.Deserialize<Form>(text) is not { Access: not null } form
                ? null
                : new SharedPair
                {
                    FencingToken = generation,
                    RunId = run,
                    Access = form.Access,
                    Refresh = form.Refresh,
                    Life = new TimeSpan(form.Life),
                    EndsAt = form.EndsAt,
                    EndsAtUtc = new DateTimeOffset(form.EndsAtUtc, TimeSpan.Zero),
                    Record = new(form.A, form.B, form.C, form.D),
                    By = form.By,
                    Of = OpaqueName.Parse(form.Of),
                    Spent = form.Spent is null ? [] : [.. form.Spent.Select(OpaqueName.Parse)],
                };
        }
        catch (Exception fault) when (fault is JsonException or ArgumentOutOfRangeException)
        {
            return null;
        }
    }

    private sealed record Form(
        string Access,
        string? Refresh,
        long Life,
        long EndsAt,
        long EndsAtUtc,
        ulong A,
        ulong B,
        ulong C,
        ulong D,
        string By,
        string? Of,
        string[]? Spent
    );
}
