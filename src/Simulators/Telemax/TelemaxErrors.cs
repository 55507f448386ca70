namespace Simulators;

/// <summary>Telemax's error bodies, as its pages on authentication and errors show them.</summary>
internal static class TelemaxErrors
{
    public static Answer InvalidCredentials(Call call) => Make(call, 401, "AUTHENTICATION", "INVALID_CREDENTIALS", "Invalid credentials.");

    public static Answer TokenMissing(Call call) => Make(call, 401, "AUTHENTICATION", "TOKEN_MISSING", "The token is missing.");

    public static Answer TokenMalformed(Call call) => Make(call, 401, "AUTHENTICATION", "TOKEN_MALFORMED", "The token is malformed.");

    public static Answer TokenExpired(Call call) => Make(call, 401, "AUTHENTICATION", "TOKEN_EXPIRED", "The token has expired.");

    public static Answer InvalidScope(Call call) =>
        Make(call, 403, "AUTHORIZATION", "INVALID_SCOPE", "The vehicle or company is out of scope.");

    public static Answer CompanyDenied(Call call) =>
        Make(call, 403, "AUTHORIZATION", "COMPANY_ACCESS_DENIED", "No access to this company.");

    public static Answer UnknownKey(Call call) => Make(call, 400, "VALIDATION_ERROR", "INVALID_API_KEY", "The key cannot be resolved.");

    public static Answer Unprocessable(Call call, string what) => Make(call, 422, "VALIDATION_ERROR", "INVALID_REQUEST", what);

    public static Answer RateLimited(Call call) => Make(call, 429, "RATE_LIMIT", "TOO_MANY_REQUESTS", "Too many requests.");

    private static Answer Make(Call call, int status, string type, string code, string description) =>
        Answer.Json(
            status,
            new
            {
                type,
                code,
                description,
                requestId = call.Context.TraceIdentifier,
                docUrl = $"https://docs.telemax.com.au/errors/{code}",
            }
        );
}
