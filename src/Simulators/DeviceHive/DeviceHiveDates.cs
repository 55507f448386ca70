using System.Globalization;
using System.Text.Json;

namespace Simulators;

/// <summary>DeviceHive's dates: ISO 8601 without a zone, which is UTC, or milliseconds.</summary>
internal static class DeviceHiveDates
{
    public static string Write(DateTimeOffset date) => date.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff", CultureInfo.InvariantCulture);

    public static DateTimeOffset? Parse(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date) ? date : null;

    public static DateTimeOffset? Read(JsonElement? value) =>
        value switch
        {
            { ValueKind: JsonValueKind.Number } number when number.TryGetInt64(out var ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms),
            { ValueKind: JsonValueKind.String } text => Parse(text.GetString()),
            _ => null,
        };
}
