using Broker.Credentials;
using Microsoft.AspNetCore.Http;

namespace Broker.TokenService;

/// <summary>What a login by password came to; the default is a refusal.</summary>
/// <param name="Caller">Who it is.</param>
/// <param name="IsKnown">False when nobody could look.</param>
/// <param name="Wait">How long this name waits at this address.</param>
internal readonly record struct PasswordLogin(Caller? Caller, bool IsKnown, TimeSpan Wait)
{
    public static async Task<PasswordLogin> Check(Issuance issuance, HttpContext context, string name, string password)
    {
        var result = await issuance.Credentials.ReadPassword(
            name,
            password,
            issuance.Credentials.AddressOf(context),
            context.RequestAborted
        );
        return new(result.Caller, result.Problem != CredentialProblem.Unknown, result.Wait);
    }

    /// <summary>A user of the config or, where it names nobody so, of the upstream whose users may log in here.</summary>
    public static async Task<PasswordLogin> OfUser(Issuance issuance, HttpContext context, string name, string password)
    {
        var login = await Check(issuance, context, name, password);
        if (
            login.Caller is not null
            || !login.IsKnown
            || login.Wait > TimeSpan.Zero
            || issuance.Options.UsersOf is not { } upstream
            || issuance.Logins is not { } logins
        )
        {
            return login;
        }

        if (issuance.Credentials.IsNamed(name) || logins.IsOurs(issuance.Snapshot, upstream, name))
        {
            // A password of the config's is never shown to an upstream, and no guess at an account of ours: it would be locked there, and
            // all callers with it.
            // The answer takes as long as if the upstream had given it.
            await issuance.Ledgers.Pace.Keep(context.RequestAborted);
            return login;
        }

        return await OfUpstream(issuance, context, (logins, upstream), name, password);
    }

    // The attempt was begun before, and counts as failed until the upstream says otherwise.
    private static async Task<PasswordLogin> OfUpstream(
        Issuance issuance,
        HttpContext context,
        (IUserLogins Logins, string Name) upstream,
        string name,
        string password
    )
    {
        var attempts = issuance.Ledgers.Attempts;
        var address = CallerAddress.Of(issuance.Credentials.AddressOf(context));
        var (ofName, place) = (issuance.Ledgers.UpstreamAttempts, $"{upstream.Name}\n{AddressThrottle.Folded(name)}");
        var turn = await ofName.Begin(name, place, context.RequestAborted);
        if (!turn.MayTry)
        {
            await attempts.Withdraw(name, address, context.RequestAborted);
            return new(null, turn.IsKnown, turn.Wait);
        }

        var from = issuance.Timestamp;
        var answer = await upstream.Logins.LogIn(issuance.Snapshot, upstream.Name, name, password, context.RequestAborted);
        if (answer.User is not { } user)
        {
            if (answer.IsKnown)
            {
                issuance.Ledgers.Pace.Saw(issuance.Since(from));
            }
            else
            {
                await attempts.Withdraw(name, address, context.RequestAborted);
                if (answer.IsUnasked)
                {
                    await ofName.Withdraw(name, place, context.RequestAborted);
                }
            }

            return new(null, answer.IsKnown, TimeSpan.Zero);
        }

        await attempts.Succeeded(name, address, wasBegun: true, context.RequestAborted);
        await ofName.Succeeded(name, place, wasBegun: true, context.RequestAborted);
        await issuance.Ledgers.Users.Keep(user);
        return new(CallerDirectory.OfUpstream(user).Caller, true, TimeSpan.Zero);
    }
}
