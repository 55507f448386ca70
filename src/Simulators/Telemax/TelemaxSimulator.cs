using System.Collections.Concurrent;
using System.Globalization;

namespace Simulators;

/// <summary>Stands in for Telemax: form logins for a user or an API key, no refresh, V1 and V2 data routes.</summary>
public sealed class TelemaxSimulator : Simulator
{
    /// <summary>The user of company 12.</summary>
    public const string UserName = "reader@acme.example";

    /// <summary>That user's password.</summary>
    public const string Password = "telemax-reader-password";

    /// <summary>A user who belongs to no company, and so is refused.</summary>
    public const string UserNameWithoutCompany = "nobody@acme.example";

    /// <summary>The API key of company 12.</summary>
    public const string ApiKey = "3b6f0c1e-7f43-4c8e-9a58-1d2f6c0e4b12";

    /// <summary>The old-style API key of company 12.</summary>
    public const string LegacyApiKey = "ACME-LEGACY-12";

    /// <summary>The company that all accounts belong to.</summary>
    public const int CompanyId = 12;

    /// <summary>Vehicles of company 12.</summary>
    public static IReadOnlyList<int> Vehicles { get; } = [42, 43];

    /// <summary>A vehicle of another company.</summary>
    public const int ForeignVehicle = 99;

    private const int Permits = 60;
    private readonly ConcurrentDictionary<string, RequestWindow> _windows = new(StringComparer.Ordinal);
    private readonly TelemaxTokens _tokens;

    private TelemaxSimulator(SimulatorOptions options)
        : base(options) => _tokens = new TelemaxTokens(Issued, options);

    /// <summary>Starts one.</summary>
    public static Task<TelemaxSimulator> StartAsync(SimulatorOptions options) => OpenAsync(new TelemaxSimulator(options));

    internal override Answer Unauthorized(Call call) =>
        IsV2(call) ? TelemaxErrors.InvalidCredentials(call) : TelemaxErrors.TokenMalformed(call);

    private protected override void Map(Routes routes)
    {
        _tokens.Map(routes);
        var data = new TelemaxData(Options.Time, Admit);
        data.MapV2(routes);
        data.MapV1(routes);
    }

    private static bool IsV2(Call call) => call.Context.Request.Path.StartsWithSegments("/api/v2", StringComparison.OrdinalIgnoreCase);

    /// <summary>Checks the token and the rate; null lets the call through.</summary>
    private Answer? Admit(Call call)
    {
        var (state, token) = Issued.Find(call.Bearer);
        if (state != TokenState.Live)
        {
            return (IsV2(call), call.Bearer, state) switch
            {
                (true, null, _) => Answer.Empty(401),
                (true, _, _) => TelemaxErrors.InvalidCredentials(call),
                (false, null, _) => TelemaxErrors.TokenMissing(call),
                (false, _, TokenState.Expired) => TelemaxErrors.TokenExpired(call),
                _ => TelemaxErrors.TokenMalformed(call),
            };
        }
        return Options.RateLimit && IsV2(call) ? Limit(call, token!.Value) : null;
    }

    private Answer? Limit(Call call, string token)
    {
        var window = _windows.GetOrAdd(token, _ => new RequestWindow(Options.Time, Permits, TimeSpan.FromSeconds(60)));
        var (taken, remaining, nextIn) = window.Take();
        var seconds = Math.Ceiling(nextIn.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        var headers = call.Context.Response.Headers;
        headers["X-RateLimit-Limit"] = Ids.Write(Permits);
        headers["X-RateLimit-Remaining"] = Ids.Write(remaining);
        headers["X-RateLimit-Reset"] = seconds;
        return taken ? null : TelemaxErrors.RateLimited(call).With("Retry-After", seconds);
    }
}
