namespace Broker.Credentials;

/// <summary>Whether a password may be tried now; the default says that nobody knows.</summary>
internal readonly record struct LoginAttempt(bool IsKnown, TimeSpan Wait)
{
    public static LoginAttempt Go => new(true, TimeSpan.Zero);

    public bool MayTry => IsKnown && Wait <= TimeSpan.Zero;
}

/// <summary>Failed logins in a row by name and address, also of names that are nobody's.</summary>
/// <remarks>A guesser waits longer and longer; the same name from another address, and a token that lives, are not touched, so nobody can
/// be locked out by another. Who invents names by the thousand shares one row for those beyond, as does whoever comes from there with yet
/// another.</remarks>
internal interface ILoginThrottle
{
    /// <summary>Whether the pair waits now; counts nothing.</summary>
    ValueTask<LoginAttempt> Look(string name, string address, CancellationToken cancellation);

    /// <summary>Begins an attempt, which counts as failed from now on: many at the same time are many.</summary>
    ValueTask<LoginAttempt> Begin(string name, string address, CancellationToken cancellation);

    /// <summary>A login succeeded: the row is broken.</summary>
    ValueTask Succeeded(string name, string address, bool wasBegun, CancellationToken cancellation);

    /// <summary>Nobody looked at the password: it does not count.</summary>
    ValueTask Withdraw(string name, string address, CancellationToken cancellation);
}
