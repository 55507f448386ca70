using System.Globalization;
using System.Text.Json;
using Broker.Credentials;
using Policies;

namespace Broker.TokenService;

/// <summary>What stands in a body of DeviceHive's clients: absent, good, or not what it should be.</summary>
internal static class DeviceHiveFields
{
    // Up to here each whole number is one floating point number, and no two are the same.
    private const double LargestExact = 1L << 53;

    private static readonly string[] DateForms = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd"];

    public static JsonElement? Member(this JsonElement body, string name) =>
        body.TryGetProperty(name, out var member) && member.ValueKind != JsonValueKind.Null ? member : null;

    /// <summary>
    /// A text; null when absent. As the vendor's reader (Gson) does, a number or a truth value counts as the text it is written as.
    /// </summary>
    public static bool TryText(this JsonElement body, string name, out string? text, out EndpointResult? mistake)
    {
        var member = body.Member(name);
        text = member?.ValueKind switch
        {
            JsonValueKind.String => member.Value.GetString(),
            JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => member.Value.GetRawText(),
            _ => null,
        };
        mistake = member is not null && text is null ? DeviceHiveErrors.WrongKind : null;
        return mistake is null;
    }

    /// <summary>A whole number; null when absent. As the vendor's reader does, a text that is one counts, and 2.0 is 2.</summary>
    public static bool TryNumber(this JsonElement body, string name, out long? number, out EndpointResult? mistake)
    {
        number = null;
        mistake = null;
        if (body.Member(name) is not { } member)
        {
            return true;
        }

        var text = member.ValueKind switch
        {
            JsonValueKind.String => member.GetString(),
            JsonValueKind.Number => member.GetRawText(),
            _ => null,
        };
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
        {
            number = whole;
        }
        else if (
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            && Math.Abs(value) <= LargestExact
            && value == Math.Truncate(value)
        )
        {
            number = (long)value;
        }

        mistake = number is null ? DeviceHiveErrors.WrongKind : null;
        return mistake is null;
    }

    /// <summary>
    /// Actions by name or number; null when absent. An action that there is not is told: DeviceHive drops it, and what is left may be
    /// wider.
    /// </summary>
    public static bool TryActions(
        this JsonElement body,
        string name,
        ActionNames actions,
        out Selection? selected,
        out EndpointResult? mistake
    )
    {
        (selected, mistake) = (null, null);
        if (body.Member(name) is not { } list)
        {
            return true;
        }

        var names = new List<string>();
        foreach (var item in list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray()] : new[] { list })
        {
            var isName = item.ValueKind == JsonValueKind.String && list.ValueKind == JsonValueKind.Array;
            var isNumber = item.ValueKind == JsonValueKind.Number && list.ValueKind == JsonValueKind.Array && item.TryGetInt32(out _);
            if (!isName && !isNumber)
            {
                mistake = DeviceHiveErrors.Make(400, "Actions list should contain only Strings or Integers", "bad-request");
                return false;
            }

            names.Add(isName ? item.GetString()! : item.GetInt32().ToString(CultureInfo.InvariantCulture));
        }

        selected = actions.Select(names, out var unknown);
        mistake = unknown.Count == 0 ? null : DeviceHiveErrors.Make(400, $"There is no action {string.Join(", ", unknown)}", "bad-request");
        return mistake is null;
    }

    /// <summary>Ids as text or whole numbers; null when absent, nothing when empty.</summary>
    public static bool TryIds(this JsonElement body, string name, out Selection? selected, out EndpointResult? mistake)
    {
        (selected, mistake) = (null, null);
        if (body.Member(name) is not { } list)
        {
            return true;
        }

        var ids = new List<string>();
        foreach (var item in list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray()] : new[] { list })
        {
            var id =
                list.ValueKind != JsonValueKind.Array ? null
                : item.ValueKind == JsonValueKind.String ? item.GetString()
                : item.ValueKind == JsonValueKind.Number && item.TryGetInt64(out var number) ? number.ToString(CultureInfo.InvariantCulture)
                : null;
            if (string.IsNullOrEmpty(id))
            {
                mistake = DeviceHiveErrors.Make(400, $"{name} is a list of ids", "bad-request");
                return false;
            }

            ids.Add(id);
        }

        selected = Selection.Of(ids);
        return true;
    }

    /// <summary>ISO 8601 (UTC where it names no zone), or milliseconds since 1970; null when absent.</summary>
    public static bool TryDate(this JsonElement body, string name, out DateTimeOffset? date, out EndpointResult? mistake)
    {
        (date, mistake) = (null, null);
        if (body.Member(name) is not { } value)
        {
            return true;
        }

        if (
            value.ValueKind == JsonValueKind.Number
            && value.TryGetInt64(out var milliseconds)
            && milliseconds >= 0
            && milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()
        )
        {
            date = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
        }
        else if (
            value.ValueKind == JsonValueKind.String
            && DateTimeOffset.TryParseExact(
                value.GetString(),
                DateForms,
                CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal,
                out var read
            )
            && read >= DateTimeOffset.UnixEpoch
        )
        {
            date = read.ToUniversalTime();
        }

        mistake = date is null ? DeviceHiveErrors.Make(400, $"{name} is an ISO 8601 date or milliseconds since 1970", "bad-request") : null;
        return mistake is null;
    }

    /// <summary>As the server prints it: UTC without a zone.</summary>
    public static string Write(DateTimeOffset date) => date.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff", CultureInfo.InvariantCulture);
}
