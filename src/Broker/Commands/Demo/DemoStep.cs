namespace Broker.Commands;

/// <summary>One request of the tour, and what must come of it: at the caller, and at the upstream.</summary>
/// <param name="Title">What it shows, as a sentence.</param>
/// <param name="Request">Method and target, as the caller sends them.</param>
/// <param name="Status">The status that the caller reads.</param>
/// <param name="Code">The refusal's code; null when the answer is the upstream's.</param>
internal sealed record DemoStep(string Title, string Request, int Status = 200, string? Code = null)
{
    /// <summary>Whose API key it shows: a caller of config/demo.json; null shows none.</summary>
    public string? As { get; init; }

    /// <summary>Further headers; none of them may cross. <c>{token}</c> stands for the bearer token of ours.</summary>
    public IReadOnlyList<string> Headers { get; init; } = [];

    /// <summary>A JSON body.</summary>
    public string? Body { get; init; }

    /// <summary>A text that the answer's body holds.</summary>
    public string Holds { get; init; } = "";

    /// <summary>A header that the answer has.</summary>
    public string? AnswerHeader { get; init; }

    /// <summary>The upstream behind the route.</summary>
    public string? Upstream { get; init; }

    /// <summary>What that upstream receives, each time; null when nothing may reach any upstream.</summary>
    public string? Receives { get; init; }

    /// <summary>How often it receives that; null is once a request or more.</summary>
    public int? Arrivals { get; init; } = 1;

    /// <summary>The upstream gets no token: the route is public.</summary>
    public bool IsBare { get; init; }

    /// <summary>Logins and refreshes that the upstream sees meanwhile; null where that depends on the steps before.</summary>
    public int? Renewals { get; init; }

    /// <summary>A text that the login holds: who it is for.</summary>
    public string LoginHolds { get; init; } = "";

    /// <summary>How many such requests are sent at once.</summary>
    public int AtOnce { get; init; } = 1;

    /// <summary>What is done to the stand first, in words; such a step is walked by <c>--once</c> alone.</summary>
    public string? Given { get; init; }

    /// <summary>Does what <see cref="Given"/> says.</summary>
    public Func<DemoEnvironment, CancellationToken, Task>? Before { get; init; }

    public string Method => Request.Split(' ', 2)[0];

    public string Target => Request.Split(' ', 2)[1];
}
