using Simulators;

namespace Broker.Commands;

/// <summary>
/// The tour of the demo, in its order. To add a step, add a line: <c>demo</c> prints it as a curl line, <c>demo --once</c> walks it.
/// </summary>
internal static class DemoTour
{
    public const string Telemax = "telemax";
    public const string Damoov = "damoov";
    public const string DeviceHive = "devicehive";
    public const string Chargers = "oauth2";
    public const string Dashboard = "dashboard";
    public const string Operations = "operations";
    public const string Driver = DamoovSimulator.Alice;

    private const string Position = "GET /telemax/vehicles/42/last-position";
    private const string PositionThere = "GET /api/v2/vehicles/42/last-position";
    private const string Charger = "GET /chargers/charger-1";
    private const string ChargerThere = "GET /api/chargers/charger-1";
    private const string Honk = """{"command":"honk","parameters":{"times":2}}""";

    public static IReadOnlyList<DemoStep> Steps { get; } =
    [.. Allowed(), .. WithoutCredential(), .. Unclear(), .. NotGranted(), .. OwnToken(), .. Renewal()];

    /// <summary>The bearer token that a newcomer watches expire.</summary>
    public static DemoStep WatchedToken { get; } = new("A bearer token of ours", Position) { Headers = ["Authorization: Bearer {token}"] };

    private static IEnumerable<DemoStep> Allowed() =>
        [
            new("A key reads the position of a vehicle that its caller may see", Position)
            {
                As = Dashboard,
                Holds = "Truck 42",
                Upstream = Telemax,
                Receives = PositionThere,
                Renewals = 1,
            },
            new("The next request goes out with the same upstream token", Position)
            {
                As = Dashboard,
                Holds = "Truck 42",
                Upstream = Telemax,
                Receives = PositionThere,
                Renewals = 0,
            },
            new("What a caller says of itself does not cross", "GET /devicehive/device/device-a")
            {
                As = Dashboard,
                Headers = ["Cookie: session=mine", "X-Forwarded-For: 203.0.113.7"],
                Holds = "Device A",
                Upstream = DeviceHive,
                Receives = "GET /api/rest/device/device-a",
            },
            new("A command goes through with its body", "POST /devicehive/device/device-a/command", 201)
            {
                As = Operations,
                Body = Honk,
                Holds = "honk",
                Upstream = DeviceHive,
                Receives = "POST /api/rest/device/device-a/command",
            },
            new(
                "An id in the query, for an upstream that logs in with JSON in JSON",
                $"GET /damoov/statistics?UserId={DamoovSimulator.Bob}&StartDate=2026-01-01"
            )
            {
                As = Operations,
                Upstream = Damoov,
                Holds = "Result",
                Receives = $"GET /indicators/admin/v3/Statistics?UserId={DamoovSimulator.Bob}&StartDate=2026-01-01",
            },
            new("A driver reads its own trips, by an upstream account of its own, whoever it says that it is", "POST /damoov/my/trips")
            {
                As = Driver,
                Headers = [$"DeviceToken: {DamoovSimulator.Bob}"],
                Body = "{}",
                Holds = DamoovSimulator.Alice,
                Upstream = Damoov,
                Receives = "POST /trips/get/v1/",
                LoginHolds = DamoovSimulator.Alice,
            },
            new("An action that the config adds: the driver starts its charger", "POST /chargers/charger-1/start", 202)
            {
                As = Driver,
                Holds = "charger-start.charger-1",
                Upstream = Chargers,
                Receives = "POST /api/chargers/charger-1/start",
            },
            new("A public route needs no credential, and gets no token", "GET /devicehive/info")
            {
                Holds = "apiVersion",
                Upstream = DeviceHive,
                Receives = "GET /api/rest/info",
                IsBare = true,
                Renewals = 0,
            },
        ];

    private static IEnumerable<DemoStep> WithoutCredential() =>
        [
            new("No credential", Position, 401, "credential-missing") { AnswerHeader = "WWW-Authenticate" },
            new("A key that nobody has", Position, 401, "credential-invalid")
            {
                Headers = ["X-Api-Key: brk_nobody"],
                AnswerHeader = "WWW-Authenticate",
            },
            new("Two credentials in one request", Position, 400, "ambiguous-credential")
            {
                As = Dashboard,
                Headers = ["Authorization: Bearer {token}"],
            },
        ];

    private static IEnumerable<DemoStep> Unclear() =>
        [
            new("A path that two readers could read in two ways", "GET /telemax/vehicles/43/../42/last-position", 400, "bad-path")
            {
                As = Dashboard,
            },
            new("A query name that the route does not list", $"{Position}?vehicleId=43", 400, "not-allowed-here")
            {
                As = Dashboard,
                Holds = "vehicleId",
            },
            new(
                "An id that stands twice",
                $"GET /damoov/statistics?UserId={DamoovSimulator.Alice}&UserId={DamoovSimulator.Bob}",
                400,
                "ambiguous-id"
            )
            {
                As = Operations,
            },
            new("An id that is empty, which upstreams read as 'all'", "GET /damoov/statistics?UserId=", 400, "bad-request")
            {
                As = Operations,
            },
            new("A path that no route serves", "GET /telemax/companies", 404, "not-found") { As = Operations },
            new("A method that no route serves", "DELETE /telemax/vehicles/42/last-position", 405, "method-not-allowed")
            {
                As = Operations,
                AnswerHeader = "Allow",
            },
        ];

    private static IEnumerable<DemoStep> NotGranted() =>
        [
            new("An action that the caller does not have", "POST /devicehive/device/device-a/command", 403, "action-not-granted")
            {
                As = Dashboard,
                Body = Honk,
            },
            new("A network that it does not have", $"GET /damoov/statistics?UserId={DamoovSimulator.Alice}", 403, "network-not-granted")
            {
                As = Dashboard,
            },
            new("A device type that it does not have", Charger, 403, "device-type-not-granted") { As = Dashboard },
            new("A device that it does not have", "GET /telemax/vehicles/44/last-position", 403, "device-not-granted") { As = Dashboard },
            new("What nobody may read, whatever is granted", "GET /devicehive/configuration/jwt.secret", 403, "denied") { As = Operations },
            new(
                "An upstream whose 401 is about the vehicle: one try with a new token, then its word is taken",
                "PUT /telemax/vehicles/99/refresh",
                403,
                "upstream-denied"
            )
            {
                As = Operations,
                Upstream = Telemax,
                Receives = "PUT /api/v2/vehicles/99/position/refresh",
                Arrivals = 2,
                Renewals = 1,
            },
            new("The same again costs no login", "PUT /telemax/vehicles/99/refresh", 403, "upstream-denied")
            {
                As = Operations,
                Upstream = Telemax,
                Receives = "PUT /api/v2/vehicles/99/position/refresh",
                Renewals = 0,
            },
            new("The upstream's own 403 passes as it is", "GET /telemax/vehicles/99/last-position", 403)
            {
                As = Operations,
                Holds = "INVALID_SCOPE",
                Upstream = Telemax,
                Receives = "GET /api/v2/vehicles/99/last-position",
                Renewals = 0,
            },
        ];

    private static IEnumerable<DemoStep> OwnToken() =>
        [
            new("A bearer token of ours, which holds less than its caller", Position)
            {
                Given = "a new token",
                Before = (stand, _) => stand.IssueToken(),
                Headers = ["Authorization: Bearer {token}"],
                Holds = "Truck 42",
                Upstream = Telemax,
                Receives = PositionThere,
                Renewals = 0,
            },
            new("The token does not hold what its caller does", "GET /telemax/vehicles/43/last-position", 403, "device-not-granted")
            {
                Given = "the same token",
                Headers = ["Authorization: Bearer {token}"],
            },
        ];

    /// <summary>Revocations stand where each account has not had one within the last seconds: renewals after a 401 are paced.</summary>
    private static IEnumerable<DemoStep> Renewal() =>
        [
            new("A charger's state, by client credentials", Charger)
            {
                As = Driver,
                Holds = "Available",
                Upstream = Chargers,
                Receives = ChargerThere,
            },
            new("A token that the upstream revoked is replaced, and the request sent again", Charger)
            {
                Given = "all access tokens revoked at oauth2",
                Before = (stand, _) => DemoEnvironment.Do(stand[Chargers].RevokeAccessTokens),
                As = Driver,
                Holds = "Available",
                Upstream = Chargers,
                Receives = ChargerThere,
                Arrivals = 2,
                Renewals = 1,
            },
            new("The body goes again as well", "POST /devicehive/device/device-a/command", 201)
            {
                Given = "all access tokens revoked at devicehive",
                Before = (stand, _) => DemoEnvironment.Do(stand[DeviceHive].RevokeAccessTokens),
                As = Operations,
                Body = Honk,
                Holds = "honk",
                Upstream = DeviceHive,
                Receives = "POST /api/rest/device/device-a/command",
                Arrivals = 2,
                Renewals = 1,
            },
            new("The token endpoint is down: the token that lives goes on serving", Charger)
            {
                Given = "oauth2's token endpoint answers 500",
                Before = (stand, _) => DemoEnvironment.Do(() => stand[Chargers].Faults.TokenAnswer = Answer.Empty(500)),
                As = Driver,
                Holds = "Available",
                Upstream = Chargers,
                Receives = ChargerThere,
            },
            new("It is still down when the token is over: nothing is sent", Charger, 503, "upstream-token-unavailable")
            {
                Given = "the token's end",
                Before = (stand, stop) => DemoEnvironment.Until(() => stand[Chargers].LiveTokens == 0, stop),
                As = Driver,
                AnswerHeader = "Retry-After",
            },
            new("The bearer token of ours has expired meanwhile", Position, 401, "token-expired")
            {
                Given = "the token's end",
                Before = (stand, stop) => DemoEnvironment.Until(() => stand.TokenIsOver, stop),
                Headers = ["Authorization: Bearer {token}"],
                Holds = "Token expired",
                AnswerHeader = "WWW-Authenticate",
            },
            new("Twenty requests at once with a revoked token are one login", Position)
            {
                // Slow enough that all of them are under way with the old token when the first is refused.
                Given = "all access tokens revoked at telemax, which takes its time",
                Before = (stand, _) =>
                    DemoEnvironment.Do(() =>
                    {
                        stand[Telemax].RevokeAccessTokens();
                        stand[Telemax].Faults.DataDelay = TimeSpan.FromMilliseconds(300);
                    }),
                As = Operations,
                AtOnce = 20,
                Arrivals = null,
                Holds = "Truck 42",
                Upstream = Telemax,
                Receives = PositionThere,
                Renewals = 1,
            },
        ];
}
