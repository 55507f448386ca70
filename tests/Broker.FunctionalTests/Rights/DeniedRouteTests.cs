using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>
/// A route that denies everything denies its path in each spelling that an upstream may read as it, whichever route would take that
/// spelling.
/// </summary>
public sealed class DeniedRouteTests(DeniedRouteTests.Routing stage) : IClassFixture<DeniedRouteTests.Routing>
{
    public sealed class Routing : Stage
    {
        private const string Any = """ "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any", "Path": "Loose" } }""";

        protected override IEnumerable<(string Name, string Route)> Routes =>
            [
                ("secret", """{ "Match": { "Path": "/configuration/jwt.secret" }, "Metadata": { "Deny": "true" } }"""),
                ("configuration", $$"""{ "Match": { "Path": "/configuration/{name}" }, {{Any}}"""),
                ("admin", """{ "Match": { "Path": "/admin/{**rest}" }, "Metadata": { "Deny": "true" } }"""),
                ("admin-open", $$"""{ "Match": { "Path": "/admin/open/{x}" }, {{Any}}"""),
                ("password", """{ "Match": { "Path": "/user/{id}/password", "Methods": [ "PUT" ] }, "Metadata": { "Deny": "true" } }"""),
                ("user", $$"""{ "Match": { "Path": "/user/{id}/{part}" }, {{Any}}"""),
                ("later", """{ "Order": 5, "Match": { "Path": "/early/secret" }, "Metadata": { "Deny": "true" } }"""),
                ("early", $$"""{ "Order": 1, "Match": { "Path": "/early/{name}" }, {{Any}}"""),
                ("all", $$"""{ "Match": { "Path": "/{**rest}" }, {{Any}}"""),
            ];
    }

    [Theory]
    [InlineData("/configuration/jwt.secret")]
    [InlineData("/configuration/JWT.Secret")]
    [InlineData("/configuration/jwt.secret.json")]
    [InlineData("/configuration/jwt.secret/")]
    [InlineData("/configuration/jwt.secret.")]
    [InlineData("/configuration/jwt.secret%E2%80%8B")]
    [InlineData("/configuration/%EF%BD%8A%EF%BD%97%EF%BD%94.secret")]
    [InlineData("/configuration/jwt%2Esecret")]
    [InlineData("/configuration/jwt%252Esecret")]
    [InlineData("/configuration/jwt.secret%3Fx")]
    [InlineData("/configuration/jwt.secret%00")]
    [InlineData("/configuration/jwt.secret::$DATA")]
    [InlineData("/configuration/jwt.secret;v=1")]
    [InlineData("/configuration%2Fjwt.secret")]
    [InlineData("/configuration//jwt.secret")]
    [InlineData("//configuration/jwt.secret")]
    [InlineData("/configuration;x/jwt.secret")]
    [InlineData("/%63onfiguration/jwt.secret.json")]
    [InlineData("/x%2F..%2Fconfiguration%2Fjwt.secret")]
    [InlineData("/admin")]
    [InlineData("/ADMIN/x")]
    [InlineData("/admin%E2%80%8B/users")]
    [InlineData("/admin%2Fusers/1")]
    [InlineData("/%EF%BD%81dmin/users")]
    [InlineData("//admin/users")]
    public async Task A_denied_path_is_denied_in_each_spelling(string path)
    {
        stage.Upstream.Requests.Clear();
        var answer = await stage.Ask("GET", path, Stage.All);

        answer.Status.ShouldBeOneOf(400, 403, 404);
        stage.Upstream.Requests.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("GET", "/configuration/jwt.secrets")]
    [InlineData("GET", "/configuration/jwt")]
    [InlineData("GET", "/configuration/secret")]
    [InlineData("GET", "/configuration/my%20jwt.secret")]
    [InlineData("GET", "/configuration/jwt.secret/more")]
    [InlineData("GET", "/administration/x")]
    [InlineData("GET", "/admin/open/x")] // it is named more exactly
    [InlineData("GET", "/user/7/password")] // another method
    [InlineData("PUT", "/user/7/passwords")]
    [InlineData("GET", "/early/secret")] // by Order the other route goes first
    [InlineData("GET", "/x/configuration/jwt.secret")]
    public async Task Another_path_is_not(string method, string path) => stage.ShouldHaveCrossed(await stage.Ask(method, path, Stage.All));

    [Theory]
    [InlineData("/user/7/password.json")]
    [InlineData("/user/7/Password%20")]
    [InlineData("/user/7%208/password%3F")]
    public async Task A_value_before_the_denied_segment_may_be_any(string path)
    {
        stage.Upstream.Requests.Clear();
        (await stage.Ask("PUT", path, Stage.All)).Status.ShouldBeOneOf(400, 403);
        stage.Upstream.Requests.ShouldBeEmpty();
    }
}
