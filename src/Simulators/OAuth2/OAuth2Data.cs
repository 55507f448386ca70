using Microsoft.AspNetCore.Http.Features;

namespace Simulators;

/// <summary>The charger routes, and the echo of everything else under /api.</summary>
internal sealed class OAuth2Data(Func<Call, (Answer? Refusal, IssuedToken? Token)> admit)
{
    private static readonly string[] Methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];

    public void Map(Routes routes)
    {
        Map(routes, "GET", "/api/chargers/{id}", (call, _) => Answer.Json(
                200,
                new
                {
                    id = call.Route("id"),
                    status = "Available",
                    power = 11.0,
                }
            ));
        Map(routes, "POST", "/api/chargers/{id}/start", (call, _) => Answer.Json(
                202,
                new
                {
                    id = call.Route("id"),
                    jobId = $"charger-start.{call.Route("id")}",
                    state = "Pending",
                }
            ));
        foreach (var method in Methods)
        {
            Map(routes, method, "/api/{**path}", Echo);
        }
    }

    private void Map(Routes routes, string method, string path, Func<Call, IssuedToken, Answer> work) => routes.Data(method, path, call =>
        {
            var (refusal, token) = admit(call);
            return refusal ?? work(call, token!);
        });

    private static Answer Echo(Call call, IssuedToken token)
    {
        var request = call.Context.Request;
        return Answer.Json(
            200,
            new
            {
                method = request.Method,
                target = call.Context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget,
                query = request.Query.ToDictionary(entry => entry.Key, entry => entry.Value.ToArray()),
                headers = request
                    .Headers.Where(header => !header.Key.Equals("Authorization", StringComparison.OrdinalIgnoreCase))
                    .ToDictionary(header => header.Key, header => header.Value.ToString()),
                body = call.Body,
                client = token.Owner,
                scope = token.Scope,
                audience = token.Audience,
            }
        );
    }
}
