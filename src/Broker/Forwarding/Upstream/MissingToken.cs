using Broker.Credentials;
using Broker.UpstreamTokens;

namespace Broker.Forwarding;

/// <summary>Why there is no token for a request, as the caller reads it.</summary>
internal static class MissingToken
{
    public static Refusal RefusalOf(in TokenResult result, BrokeredRequest passage) =>
        result.Problem switch
        {
            TokenProblem.BudgetSpent => Refusal.BudgetSpent(result.RetryAfter),
            TokenProblem.LoginRefused => RefusedLogin(result, passage),
            TokenProblem.TokenRefused => passage.Route!.On401IsResource
                ? Refusal.UpstreamDenied
                : Refusal.UpstreamRefusedToken(result.RetryAfter),
            _ => Refusal.TokenUnavailable(result.RetryAfter),
        };

    // An account of ours that is refused is our fault. A user's own is the user's: they are disabled there, or their login is over, and so
    // is all that came of it.
    private static Refusal RefusedLogin(in TokenResult result, BrokeredRequest passage)
    {
        if (passage.Caller is not { Source: UpstreamUser.Source } user)
        {
            return Refusal.UpstreamRefusedLogin(result.RetryAfter);
        }

        _ = passage.Route!.Credentials.EndUser(user);
        return Refusal.CredentialInvalid;
    }
}
