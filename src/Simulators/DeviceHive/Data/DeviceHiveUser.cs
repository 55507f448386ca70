using System.Collections.Immutable;

namespace Simulators;

/// <summary>A DeviceHive user.</summary>
internal sealed record DeviceHiveUser(long Id, string Login, string Password, int Role)
{
    public const int Active = 0;
    public const int LockedOut = 1;

    public bool IsAdmin => Role == 0;
    public bool IsActive => Status == Active;
    public int Status { get; init; }
    public int BadPasswords { get; init; }
    public string? LastLogin { get; init; }
    public ImmutableSortedSet<long> Networks { get; init; } = [];
    public bool AllDeviceTypes { get; init; } = true;
    public ImmutableSortedSet<long> DeviceTypes { get; init; } = [];

    public object Document =>
        new
        {
            id = Id,
            login = Login,
            role = Role,
            status = Status,
            lastLogin = LastLogin,
            data = (object?)null,
            introReviewed = false,
            allDeviceTypesAvailable = AllDeviceTypes,
        };
}
