namespace Simulators;

/// <summary>Stands in for Damoov's four hosts: scarce logins, rotating refresh pairs, administrator and user tokens.</summary>
public sealed class DamoovSimulator : Simulator
{
    /// <summary>The instance that all users are registered in.</summary>
    public const string InstanceId = "7f2a4c1d-0b6e-4c55-9d0e-3a1f5e7b9c01";

    /// <summary>That instance's secret; the password of every user.</summary>
    public const string InstanceKey = "e4d909c2-90d0-4b1c-a068-ffaddf22cbd0";

    /// <summary>The administrator's address.</summary>
    public const string AdminEmail = "admin@fleet.example";

    /// <summary>The administrator's password.</summary>
    public const string AdminPassword = "damoov-admin-password";

    /// <summary>The device token, and so the id, of Alice.</summary>
    public const string Alice = "11111111-aaaa-4aaa-8aaa-000000000001";

    /// <summary>The device token, and so the id, of Bob.</summary>
    public const string Bob = "22222222-bbbb-4bbb-8bbb-000000000002";

    /// <summary>The device token, and so the id, of Carol.</summary>
    public const string Carol = "33333333-cccc-4ccc-8ccc-000000000003";

    /// <summary>The company of the instance.</summary>
    public const int CompanyId = 3;

    /// <summary>The application of the instance.</summary>
    public const int ApplicationId = 1002;

    internal const string AdminRole = "admin";
    internal const string UserRole = "user";

    private readonly DamoovUsers _users = new();
    private readonly DamoovTokens _tokens;

    private DamoovSimulator(SimulatorOptions options)
        : base(options) => _tokens = new DamoovTokens(Issued, new DamoovSessions(options), _users, options);

    /// <summary>Starts one.</summary>
    public static Task<DamoovSimulator> StartAsync(SimulatorOptions options) => OpenAsync(new DamoovSimulator(options));

    internal override Answer Unauthorized(Call call) => DamoovEnvelope.Unauthorized;

    private protected override void Map(Routes routes)
    {
        _tokens.Map(routes);
        new DamoovRegistration(_users, _tokens).Map(routes);
        new DamoovData(_users, Admit).Map(routes);
    }

    /// <summary>Checks the token and its kind; a user's token must belong to a user who is still there.</summary>
    private (Answer? Refusal, string Owner) Admit(Call call, string role)
    {
        var (state, token) = Issued.Find(call.Bearer);
        if (state != TokenState.Live || (token!.Role == UserRole && !_users.Has(token.Owner)))
        {
            return (DamoovEnvelope.Unauthorized, "");
        }
        return token.Role == role ? (null, token.Owner) : (DamoovEnvelope.Forbidden, "");
    }
}
