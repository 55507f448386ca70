using Shouldly;
using Xunit;

namespace Policies.Tests;

public sealed class SelectorTests
{
    [Theory]
    [InlineData("route:deviceId", SelectorKind.Route, "deviceId", false)]
    [InlineData("query:deviceId", SelectorKind.Query, "deviceId", false)]
    [InlineData("query:deviceId?", SelectorKind.Query, "deviceId", true)]
    [InlineData("query:networkIds[]", SelectorKind.QueryList, "networkIds", false)]
    [InlineData("query:networkIds[]?", SelectorKind.QueryList, "networkIds", true)]
    [InlineData("header:UserDeviceToken", SelectorKind.Header, "UserDeviceToken", false)]
    [InlineData("header:UserDeviceToken?", SelectorKind.Header, "UserDeviceToken", true)]
    [InlineData("body:/Identifiers/UserId", SelectorKind.Body, "/Identifiers/UserId", false)]
    [InlineData("body:/vehicleIds/*", SelectorKind.Body, "/vehicleIds/*", false)]
    [InlineData("form:UserName", SelectorKind.Form, "UserName", false)]
    [InlineData("const:12", SelectorKind.Const, "12", false)]
    [InlineData("const:why?", SelectorKind.Const, "why?", false)]
    [InlineData("const:a:b", SelectorKind.Const, "a:b", false)]
    public void A_selector_is_read_and_written_the_same(string text, SelectorKind kind, string name, bool optional)
    {
        var selector = Selector.Parse(text, out var error);
        error.ShouldBeNull();
        selector.ShouldBe(new Selector(kind, name, optional));
        selector!.ToString().ShouldBe(text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("deviceId")]
    [InlineData("Route:deviceId")]
    [InlineData("cookie:id")]
    [InlineData(":id")]
    [InlineData("route:")]
    [InlineData("query:")]
    [InlineData("query:?")]
    [InlineData("query:[]")]
    [InlineData("query:[]?")]
    [InlineData("header: x")]
    [InlineData("header:x ")]
    [InlineData("query:x ?")]
    [InlineData("const:")]
    [InlineData("body:Identifiers")]
    [InlineData("route:deviceId?")]
    public void What_is_no_selector_is_told(string text)
    {
        Selector.Parse(text, out var error).ShouldBeNull();
        error.ShouldNotBeNullOrWhiteSpace();
    }
}
