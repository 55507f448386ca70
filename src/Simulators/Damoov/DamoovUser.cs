namespace Simulators;

/// <summary>A Damoov user, who is a device.</summary>
internal sealed record DamoovUser(string DeviceToken, string FirstName, string Email, int TripCount)
{
    public IEnumerable<object> Trips => Enumerable.Range(1, TripCount).Select(number => Trip(number));

    public object Profile =>
        new
        {
            DeviceToken,
            FirstName,
            Email,
            DamoovSimulator.CompanyId,
            DamoovSimulator.ApplicationId,
            DamoovSimulator.InstanceId,
        };

    public object Statistics =>
        new
        {
            UserId = DeviceToken,
            TripsCount = TripCount,
            MileageKm = 10 * TripCount,
        };

    private object Trip(int number) =>
        new
        {
            Id = $"{DeviceToken}-{number}",
            Identifiers = new { UserId = DeviceToken },
            Statistics = new { Mileage = 10 },
        };
}
