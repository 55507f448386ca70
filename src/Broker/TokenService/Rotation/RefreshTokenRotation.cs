using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Broker.Credentials;
using Broker.Redis;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Broker.TokenService;

/// <summary>
/// Which refresh tokens were used: in this process alone, or over all replicas that share a Redis. There one script decides.
/// </summary>
/// <remarks>
/// What Redis forgot is refused, not guessed: a line that is not there, one whose entry is damaged, and all lines of before when a use that
/// a replica was told of is missing (an old snapshot, a failover that lost a write). Who holds such a token logs in again.
/// </remarks>
internal sealed class RefreshTokenRotation(TimeProvider time) : IRefreshRotation
{
    private const int MostTries = 3;

    private readonly LocalRefreshTokenRotation memory = new(time);
    private volatile Means? means;

    /// <summary>Shares from now on.</summary>
    public void Share(RedisRevocationLog ledger, TimeSpan pause, ILogger log) => means = new(ledger, pause, log, new(log));

    public async ValueTask<string?> Begin(DateTimeOffset until, CancellationToken cancellation)
    {
        if (means is not { } shared)
        {
            return await memory.Begin(until, cancellation);
        }

        var (names, line) = (shared.Ledger.Names, TokenIssuer.NewId());
        var life = Math.Max(1, (long)(until + TokenReader.Skew - time.GetUtcNow()).TotalMilliseconds);
        var key = names.Line(line);
        return await shared.Ledger.Link.Run(RotationScripts.Begin, [names.Keys[0], key], [names.Seal.Close([], key, 0), life]) is null
            ? null
            : line;
    }

    public async ValueTask<RotationAnswer> Use(RefreshUse use, CancellationToken cancellation)
    {
        if (means is not { } shared)
        {
            return await memory.Use(use, cancellation);
        }

        var (ledger, key) = (shared.Ledger, shared.Ledger.Names.Line(use.Family));
        var closed = Close(ledger, key, use);
        var proved = RedisValue.EmptyString;
        for (var tries = 0; tries < MostTries; tries++)
        {
            var answered = await ledger.Link.Run(
                RotationScripts.Use,
                [ledger.Names.Keys[0], key],
                [use.Sequence, closed, (long)use.Grace.TotalMicroseconds, (long)shared.Pause.TotalMicroseconds, ledger.Uses, proved]
            );
            if (answered is null)
            {
                return default; // spent or not, nobody knows: within the grace the same successor comes again
            }

            var parts = (RedisValue[])answered!;
            ledger.Saw(Number(parts[3]));
            var (said, isNext) = ((string?)parts[0], (string?)parts[0] == RotationScripts.Next);
            var verdict = !isNext && Enum.TryParse<RotationVerdict>(said, out var told) ? told : RotationVerdict.Unknown;
            if (!isNext && said != RotationScripts.Foreign && verdict is RotationVerdict.Unknown or RotationVerdict.UnknownFamily)
            {
                return new(verdict, null);
            }

            // The script counts on what stands there; only here is it known that one of ours wrote that.
            if (
                said == RotationScripts.Foreign
                || ledger.Names.Seal.Open((byte[])parts[2]! ?? [], key, Number(parts[1]), out _) is not { } stood
            )
            {
                if (shared.Doubts.IsNew(key))
                {
                    ReplicationLog.LineDoubtful(shared.Log);
                }

                return new(RotationVerdict.UnknownFamily, null);
            }

            if (!isNext)
            {
                return verdict switch
                {
                    RotationVerdict.First => new(verdict, use.Successor),
                    RotationVerdict.WithinGrace => Again(ledger, key, use.Sequence + 1, stood),
                    _ => new(verdict, null),
                };
            }

            proved = parts[2];
        }

        return default; // it changes each time that it is looked at
    }

    public async ValueTask Drop(string line, DateTimeOffset until, CancellationToken cancellation)
    {
        if (means is not { Ledger: var ledger })
        {
            await memory.Drop(line, until, cancellation);
            return;
        }

        await ledger.Link.Run(RotationScripts.Drop, [ledger.Names.Keys[0], ledger.Names.Line(line)], []);
    }

    /// <summary>The end of the grace is sealed too, by a replica's clock: nobody makes it longer in Redis.</summary>
    private RotationAnswer Again(RedisRevocationLog ledger, string key, long place, byte[] stood)
    {
        if (
            stood.Length < sizeof(long)
            || time.GetUtcNow().UtcTicks >= BinaryPrimitives.ReadInt64LittleEndian(stood) + TokenReader.Skew.Ticks
        )
        {
            return new(RotationVerdict.Reused, null);
        }

        // Under a key that is not in the ring any more: that no reuse is, and no answer either.
        return ledger.Names.Secrets.Open(stood.AsSpan(sizeof(long)), key, place, out _) is { } successor
            ? new(RotationVerdict.WithinGrace, Encoding.UTF8.GetString(successor))
            : new(RotationVerdict.UnknownFamily, null);
    }

    private byte[] Close(RedisRevocationLog ledger, string key, RefreshUse use)
    {
        var end = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(end, (time.GetUtcNow() + use.Grace).UtcTicks);
        return ledger.Names.Seal.Close(
            [.. end, .. ledger.Names.Secrets.Close(Encoding.UTF8.GetBytes(use.Successor), key, use.Sequence + 1)],
            key,
            use.Sequence + 1
        );
    }

    private static long Number(RedisValue value) =>
        long.TryParse((string?)value, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private sealed record Means(RedisRevocationLog Ledger, TimeSpan Pause, ILogger Log, Doubts Doubts);
}
