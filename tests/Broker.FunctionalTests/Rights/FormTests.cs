using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>rights.md 12, in forms: a field from which an upstream's framework would take the method never arrives.</summary>
public sealed class FormTests(FormTests.Routing stage) : IClassFixture<FormTests.Routing>
{
    private const string Form = "application/x-www-form-urlencoded";
    private const string Multipart = "multipart/form-data; boundary=b";

    public sealed class Routing : Stage
    {
        protected override IEnumerable<(string Name, string Route)> Routes =>
            [
                ("form", """{ "Match": { "Path": "/form" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "form" } }"""),
                ("any", """{ "Match": { "Path": "/any" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any" } }"""),
                ("json", """{ "Match": { "Path": "/json" }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""),
                ("public", """{ "Match": { "Path": "/public" }, "AuthorizationPolicy": "Anonymous", "Metadata": { "Body": "any" } }"""),
            ];
    }

    [Theory]
    [InlineData("/form", Form, "_method=DELETE")]
    [InlineData("/form", Form, "a=1&_method=DELETE&b=2")]
    [InlineData("/form", Form, "a=1&b&_method")]
    [InlineData("/form", Form, "a=1;_Method=DELETE")]
    [InlineData("/form", Form, "%5f%6D%65%74%68%6F%64=DELETE")]
    [InlineData("/form", Form, "+%20_method=DELETE")]
    [InlineData("/form", Form, ".method=DELETE")]
    [InlineData("/form", Form, "_method[]=DELETE")]
    [InlineData("/form", Form, "_method%5Baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%5D=DELETE")]
    [InlineData("/form", Form, "_method%00x=DELETE")]
    [InlineData("/any", Form, "_method=DELETE")]
    [InlineData("/any", "Application/X-WWW-Form-URLEncoded ; charset=UTF-8", "_method=DELETE")]
    [InlineData("/any", null, "_method=DELETE")]
    [InlineData("/json", null, "_method=DELETE")]
    [InlineData("/any", "application/x-www-form-urlencoded x", "_method=DELETE")]
    [InlineData("/any", "text/plain, application/x-www-form-urlencoded", "_method=DELETE")]
    [InlineData("/public", Form, "_method=DELETE")]
    [InlineData("/any", Multipart, "--b\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nDELETE\r\n--b--\r\n")]
    [InlineData("/any", Multipart, "--b\r\nContent-Disposition: form-data; name=_method\r\n\r\nDELETE\r\n--b--\r\n")]
    [InlineData("/any", Multipart, "--b\r\ncontent-disposition:form-data;NAME = \"_METHOD\"\r\n\r\nDELETE\r\n--b--\r\n")]
    [InlineData("/any", Multipart, "--b\r\nContent-Disposition: form-data; name='_method'\r\n\r\nDELETE\r\n--b--\r\n")]
    [InlineData("/any", Multipart, "--b\r\nContent-Disposition: form-data; name=\"'; name=\"_method\"\r\n\r\nDELETE\r\n--b--\r\n")]
    [InlineData("/any", Multipart, "--b\r\nContent-Disposition: form-data; name=\"a\\\"; name=\"_method\"\r\n\r\nDELETE\r\n--b--\r\n")]
    [InlineData("/any", Multipart, "--b\r\nContent-Disposition: form-data; name=\"_me\\thod\"\r\n\r\nDELETE\r\n--b--\r\n")]
    [InlineData("/any", Multipart, "--b\r\nContent-Disposition: form-data; name*=UTF-8''%5Fmethod\r\n\r\nDELETE\r\n--b--\r\n")]
    [InlineData("/any", Multipart, "--b\r\nContent-Disposition: form-data; name*0=_met; name*1=hod\r\n\r\nDELETE\r\n--b--\r\n")]
    [InlineData("/any", Multipart, "--b\r\nContent-Disposition: form-data;\r\n name=\r\n \"_method\"\r\n\r\nDELETE\r\n--b--\r\n")]
    [InlineData("/any", Multipart, "--b\nContent-Disposition: form-data; filename=\"x\"; name=\"_method[]\"\n\nDELETE\n--b--\n")]
    [InlineData("/any", Multipart, "--b\r\nContent-Disposition: form-data; name=\"=?utf-8?Q?=5Fmethod?=\"\r\n\r\nDELETE\r\n--b--\r\n")]
    [InlineData(
        "/any",
        Multipart,
        "--b\r\nContent-Disposition: form-data; name*=UTF-16BE''%00_%00m%00e%00t%00h%00o%00d\r\n\r\nDELETE\r\n--b--\r\n"
    )]
    [InlineData("/any", Multipart, "--b\r\nContent-Disposition: form-data;\n\n name=\"_method\"\r\n\r\nDELETE\r\n--b--\r\n")]
    [InlineData(
        "/any",
        Multipart,
        "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\nContent-Disposition: form-data; "
            + "name=\"_method\"\r\n\r\nDELETE\r\n--b--\r\n"
    )]
    [InlineData("/form", Form, "[_method]=DELETE")]
    [InlineData("/form", Form, "_method]=DELETE")]
    [InlineData("/form", Form, "%5B%5b[[_method]=DELETE")]
    [InlineData("/json", "application/json", "{\"_method\":\"DELETE\"}")]
    [InlineData("/json", "application/merge-patch+json; charset=UTF-8", "{\"a\":1,\"_method\" \n:\"DELETE\"}")]
    [InlineData("/json", "application/json", "{\"\\u005f\\u006Dethod\":\"DELETE\"}")]
    [InlineData("/json", null, "{\"_method\":\"DELETE\"}")]
    [InlineData("/any", "application/json", "[{\"a\\\"\":1,\"_Method\":\"DELETE\"}]")]
    [InlineData(
        "/any",
        "multipart/mixed; boundary=x; boundary=b",
        "--b\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nDELETE\r\n--b--\r\n"
    )]
    public async Task A_field_that_names_a_method_is_refused_and_the_upstream_never_has_the_whole(string path, string? type, string body)
    {
        var answer = await stage.Ask("POST", path, headers: type is null ? [] : [$"Content-Type: {type}"], body: body);

        stage.ShouldBeRefused(answer, 400, "not-allowed-here");
        answer.Message!.ShouldContain("_method");
    }

    [Theory]
    [InlineData("/form", Form, "method=DELETE&a=_method&b=%5Fmethod;c=_method")]
    [InlineData("/form", Form, "my_method=1&_methods=2&_metho=3&a[_method]=4")]
    [InlineData("/any", Form, "")]
    [InlineData("/any", "text/plain", "_method=DELETE")]
    [InlineData("/any", "application/octet-stream", "name=\"_method\"&_method=DELETE")]
    [InlineData("/json", "application/json", "{\"a\":\"name=_method&_method=DELETE\"}")]
    [InlineData("/json", null, "{\"method\":\"_method\"}")]
    [InlineData("/json", "application/json", "{\"a_method\":1,\"_methods\":2,\"_meth\":\"od\",\"x\":\"_method\"}")]
    [InlineData(
        "/any",
        Multipart,
        "--b\r\nContent-Disposition: form-data; name=\"page\"; filename=\"x.html\"\r\n\r\n<input name=\"_method\" "
            + "value=\"PUT\">\r\n--b--\r\n"
    )]
    [InlineData("/any", Multipart, "--b\r\nContent-Disposition: form-data; name=\"comment\"\r\n\r\nthe _method is fine\r\n--b--\r\n")]
    [InlineData(
        "/any",
        Multipart,
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"_method\"\r\n\r\n_method=1&name=x\r\n--b--\r\n"
    )]
    [InlineData(
        "/any",
        Multipart,
        "--b\r\nContent-Disposition: form-data; name=\"method\"; filename*=UTF-8''_method\r\n\r\nname\r\n--b--\r\n"
    )]
    public async Task Another_form_crosses_unchanged(string path, string? type, string body) =>
        stage
            .ShouldHaveCrossed(await stage.Ask("POST", path, headers: type is null ? [] : [$"Content-Type: {type}"], body: body))
            .Body.ShouldBe(body);

    [Theory]
    [InlineData("Content-Encoding: gzip")]
    [InlineData("Content-Type: application/x-www-form-urlencoded; charset=utf-8; charset=utf-16", "")]
    [InlineData("Content-Type: application/x-www-form-urlencoded; xcharset=utf-16", "")]
    [InlineData("Content-Type: application/x-www-form-urlencoded; charset=UTF-16BE; =", "")]
    [InlineData("Content-Encoding: deflate, identity")]
    [InlineData("Content-Type: application/x-www-form-urlencoded; charset=utf-16", "")]
    [InlineData("Content-Type: application/x-www-form-urlencoded; charset=IBM037", "")]
    public async Task A_form_that_cannot_be_looked_into_is_refused(string header, string type = $"Content-Type: {Form}") =>
        stage.ShouldBeRefused(
            await stage.Ask("POST", "/form", headers: type.Length == 0 ? [header] : [header, type], body: "a=1"),
            400,
            "not-allowed-here"
        );

    [Theory]
    [InlineData("Content-Encoding: gzip", "Content-Type: application/json")]
    [InlineData("Content-Type: application/json; charset=utf-16")]
    public async Task Json_that_cannot_be_looked_into_is_refused(params string[] headers) =>
        stage.ShouldBeRefused(await stage.Ask("POST", "/json", headers: headers, body: "{}"), 400, "not-allowed-here");

    [Fact]
    public async Task A_field_in_the_second_of_two_chunks_is_found()
    {
        string[] chunked = ["Transfer-Encoding: chunked", $"Content-Type: {Form}"];
        stage.ShouldBeRefused(
            await stage.Ask("POST", "/form", headers: chunked, body: "7\r\na=1&_me\r\n9\r\nthod=PUT!\r\n0\r\n\r\n"),
            400,
            "not-allowed-here"
        );
    }
}
