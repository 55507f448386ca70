using Broker.Credentials;

namespace Broker.TokenService;

/// <summary>What a new token comes from: who asks, the session it joins, and everybody whose present rights bound it.</summary>
/// <param name="Caller">The caller, with their present permissions.</param>
/// <param name="Session">The session's id.</param>
/// <param name="End">Nothing that comes of it lives longer.</param>
/// <param name="Generations">Each identity that it rests on, in ordinal order, and its generation when that was made.</param>
internal sealed record Origin(Caller Caller, string Session, DateTimeOffset End, SortedList<string, long> Generations)
{
    /// <summary>A token of ours goes on with its session; any other credential starts one.</summary>
    public static Origin Of(Caller caller, TimeSpan lifetime, IRevocations revocations, DateTimeOffset now)
    {
        var generations = new SortedList<string, long>(StringComparer.Ordinal);
        if (caller.Token is { } token)
        {
            // The generations are the token's own, not the present ones: what ends it must end what comes of it as well.
            generations[token.Subject] = token.GenerationAt(0);
            for (var i = 0; i < token.Creators.Count; i++)
            {
                generations[token.Creators[i]] = token.GenerationAt(i + 1);
            }

            return new(caller, token.Session, token.SessionEnd, generations);
        }

        generations[caller.Identity] = revocations.GenerationOf(caller.Identity);
        var end = now + lifetime;
        return new(caller, TokenIssuer.NewId(), caller.TokenEnd < end ? caller.TokenEnd.Value : end, generations);
    }

    /// <summary>The same, bounded by another identity's rights as well.</summary>
    public Origin With(Caller other, IRevocations revocations)
    {
        var generations = new SortedList<string, long>(Generations, StringComparer.Ordinal);
        generations.TryAdd(other.Identity, revocations.GenerationOf(other.Identity));
        return this with { Generations = generations };
    }
}
