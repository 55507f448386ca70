namespace Simulators;

/// <summary>Damoov's envelope round every answer.</summary>
internal static class DamoovEnvelope
{
    private static readonly object[] NoErrors = [];

    public static Answer Unauthorized => Refuse(401, "Unauthorized");

    public static Answer Forbidden => Refuse(403, "Forbidden");

    /// <summary>The body is of a type that the services read.</summary>
    public static bool HasDamoovJson(this Call call) => call.ContentType is "application/json" or "application/json-patch+json";

    public static Answer Ok(object? result) =>
        Answer.Json(
            200,
            new
            {
                Result = result,
                Status = 200,
                Title = "",
                Errors = NoErrors,
            }
        );

    public static Answer Refuse(int status, string title) =>
        Answer.Json(
            status,
            new
            {
                Result = (object?)null,
                Status = status,
                Title = title,
                Errors = NoErrors,
            }
        );

    public static Answer Invalid(string key, string message) =>
        Answer.Json(
            422,
            new
            {
                Result = (object?)null,
                Status = 422,
                Title = "One or more validation errors occurred.",
                Errors = new[] { new { Key = key, Message = message } },
            }
        );
}
