namespace Broker.Configuration;

/// <summary>Judges what is common to upstreams whose tokens are fetched; the rest is judged where their tokens are.</summary>
internal static class UpstreamChecks
{
    public static void Check(UpstreamOptions upstream, string path, Mistakes mistakes)
    {
        if (upstream is not FetchedUpstreamOptions fetched)
        {
            return;
        }

        Urls.Check(fetched.TokenEndpoint, $"{path}:TokenEndpoint", upstream.AllowInsecure, mistakes);
        Positive(fetched.CallDeadline, $"{path}:CallDeadline", mistakes);
        Positive(fetched.Patience, $"{path}:Patience", mistakes);
        Positive(fetched.QuietTime, $"{path}:QuietTime", mistakes);
        Positive(fetched.UnusedAfter, $"{path}:UnusedAfter", mistakes);
        if (fetched.QuietTimeMax < fetched.QuietTime)
        {
            mistakes.Error($"{path}:QuietTimeMax", "is less than QuietTime");
        }

        for (var i = 0; i < fetched.Logins?.Count; i++)
        {
            Positive(fetched.Logins[i].Per, $"{path}:Logins:{i}:Per", mistakes);
            if (fetched.Logins[i].Permit < 1)
            {
                mistakes.Error($"{path}:Logins:{i}:Permit", "at least 1: an account that may not log in has no token");
            }
        }
    }

    private static void Positive(TimeSpan time, string path, Mistakes mistakes)
    {
        if (time <= TimeSpan.Zero)
        {
            mistakes.Error(path, "more than zero");
        }
    }
}
