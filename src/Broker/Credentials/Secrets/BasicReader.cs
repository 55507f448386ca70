using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Broker.Configuration;
using Microsoft.AspNetCore.Identity;

namespace Broker.Credentials;

/// <summary>Reads Basic: user name and password against the framework's password hashes.</summary>
internal sealed class BasicReader
{
    private const int MaxLength = 2048;

    /// <summary>Where exchanges that are open stand in the line for hashes: no address is called so.</summary>
    private const string OpenExchanges = "open exchanges";

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly CallerTable callers;
    private readonly CredentialShared shared;
    private readonly ILoginThrottle? attempts;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly string[] hashes;
    private readonly IPasswordHasher<CallerOptions> hasher;

    public BasicReader(
        CallerTable callers,
        CredentialShared shared,
        IPasswordHasher<CallerOptions> hasher,
        ILoginThrottle? attempts,
        TimeProvider time,
        ILogger log
    )
    {
        (this.callers, this.shared, this.hasher, this.attempts, this.time, this.log) = (callers, shared, hasher, attempts, time, log);
        hashes = [.. callers.All.Select(caller => caller.PasswordHash).OfType<string>().Order(StringComparer.Ordinal)];
    }

    /// <summary>Reads what stands after <c>Basic </c>.</summary>
    public ValueTask<CredentialResult> Read(ReadOnlySpan<char> text, IPAddress? from, CancellationToken cancellation)
    {
        return Parse(text) is { } login
            ? Read(login.User, login.Password, from, cancellation)
            : new(new CredentialResult(null, CredentialProblem.Invalid));
    }

    /// <summary>Reads once more what was let in: no attempt to guess, so it is neither counted nor made to wait for those who do.</summary>
    public ValueTask<CredentialResult> ReadAgain(ReadOnlySpan<char> text, CancellationToken cancellation) =>
        Parse(text) is { } login
            ? Check(login.User, login.Password, OpenExchanges, out _, cancellation)
            : new(new CredentialResult(null, CredentialProblem.Invalid));

    /// <summary>Reads a name and a password, from wherever they came.</summary>
    public ValueTask<CredentialResult> Read(string user, string password, IPAddress? from, CancellationToken cancellation) =>
        attempts is null
            ? Check(user, password, CallerAddress.Of(from), out _, cancellation)
            : Counted(user, password, CallerAddress.Of(from), cancellation);

    // A password that is remembered is looked at after the wait as well: else a guesser would learn the right one at full speed.
    private async ValueTask<CredentialResult> Counted(string user, string password, string address, CancellationToken cancellation)
    {
        var turn = await attempts!.Look(user, address, cancellation);
        if (turn.MayTry)
        {
            var atOnce = Check(user, password, address, out var isRemembered, cancellation, orElse: false);
            if (isRemembered)
            {
                await attempts.Succeeded(user, address, wasBegun: false, cancellation);
                return await atOnce;
            }

            turn = await attempts.Begin(user, address, cancellation);
        }

        if (!turn.MayTry)
        {
            return new(null, turn.IsKnown ? CredentialProblem.Throttled : CredentialProblem.Unknown) { Wait = turn.Wait };
        }

        var result = await Check(user, password, address, out _, cancellation);
        if (result.Caller is not null)
        {
            await attempts.Succeeded(user, address, wasBegun: true, cancellation);
        }
        else if (result.Problem == CredentialProblem.Unknown)
        {
            await attempts.Withdraw(user, address, cancellation);
        }

        return result;
    }

    private ValueTask<CredentialResult> Check(
        string user,
        string password,
        string address,
        out bool isRemembered,
        CancellationToken cancellation,
        bool orElse = true
    )
    {
        isRemembered = false;
        // Without a single password in the config nothing can match, and there is nobody to tell apart.
        if (hashes.Length == 0 || user.Length + password.Length > MaxLength)
        {
            return new(new CredentialResult(null, CredentialProblem.Invalid));
        }

        var caller = callers.Find(user);
        // An unknown user costs what a known one does: one of the hashes, always the same for the same name, stands in.
        var isKnown = caller?.PasswordHash is not null;
        var stored = caller?.PasswordHash ?? hashes[Key(user, "").Place % (uint)hashes.Length];
        var key = Key(password, stored);
        if (isKnown && shared.Memory.Find(key) is VerifiedPassword)
        {
            isRemembered = true;
            return new(new CredentialResult(caller!.Caller, CredentialProblem.None));
        }

        return !orElse ? default : Verify(isKnown ? caller : null, password, stored, key, address, cancellation);
    }

    private async ValueTask<CredentialResult> Verify(
        ConfigCaller? caller,
        string password,
        string stored,
        Digest key,
        string address,
        CancellationToken cancellation
    )
    {
        if (await shared.Gate.Enter(address, cancellation) is not { } turn)
        {
            CredentialLog.PasswordsBusy(log, shared.Gate.Limit);
            return new(null, CredentialProblem.Unknown); // nobody looked at the password: this is not "wrong"
        }

        try
        {
            // Another request may have verified the same login while this one waited.
            var matches =
                (caller is not null && shared.Memory.Find(key) is VerifiedPassword)
                || hasher.VerifyHashedPassword(null!, stored, password) != PasswordVerificationResult.Failed;
            if (!matches || caller is null) // a match against a stand-in's hash is still nobody
            {
                CredentialLog.Refused(log, CredentialKinds.Basic, "unknown user or wrong password");
                return new(null, CredentialProblem.Invalid);
            }

            shared.Memory.Keep(new VerifiedPassword { Digest = key, EndTicks = long.MaxValue }, time.GetUtcNow());
            return new(caller.Caller, CredentialProblem.None);
        }
        finally
        {
            shared.Gate.Leave(turn);
        }
    }

    // Password and stored hash together: a hash changed in the config is a miss. Keyed, so that a memory dump cannot be guessed off-line
    // faster than the hash itself; lengths in front, so that no two pairs give the same bytes.
    private Digest Key(string password, string stored)
    {
        Span<byte> digest = stackalloc byte[Digest.Size];
        Span<byte> length = stackalloc byte[sizeof(int)];
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, shared.ProcessKey);
        foreach (var part in (ReadOnlySpan<string>)[password, stored])
        {
            var bytes = Encoding.UTF8.GetBytes(part);
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            hmac.AppendData(length);
            hmac.AppendData(bytes);
            CryptographicOperations.ZeroMemory(bytes);
        }

        hmac.GetHashAndReset(digest);
        return new(digest);
    }

    private static (string User, string Password)? Parse(ReadOnlySpan<char> text)
    {
        Span<byte> bytes = stackalloc byte[MaxLength];
        if (
            text.Length > MaxLength
            || !Convert.TryFromBase64Chars(text, bytes, out var length)
            || !text.SequenceEqual(Convert.ToBase64String(bytes[..length]))
        )
        {
            return null;
        }

        string login;
        try
        {
            login = StrictUtf8.GetString(bytes[..length]);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }

        var colon = login.IndexOf(':', StringComparison.Ordinal);
        // RFC 7617, 2: neither part may hold control characters.
        return colon <= 0 || login.Any(char.IsControl) ? null : (login[..colon], login[(colon + 1)..]);
    }
}
