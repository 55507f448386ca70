using Shouldly;
using Xunit;

namespace Policies.Tests;

public sealed class ActionNamesTests
{
    private static ActionNames With(string name, int number) => new(new Dictionary<string, int> { [name] = number }, []);

    [Theory]
    [InlineData(2, "GetNetwork")]
    [InlineData(3, "GetDevice")]
    [InlineData(4, "GetDeviceNotification")]
    [InlineData(5, "GetDeviceCommand")]
    [InlineData(6, "RegisterDevice")]
    [InlineData(7, "CreateDeviceCommand")]
    [InlineData(8, "UpdateDeviceCommand")]
    [InlineData(9, "CreateDeviceNotification")]
    [InlineData(10, "GetCurrentUser")]
    [InlineData(11, "UpdateCurrentUser")]
    [InlineData(12, "ManageUser")]
    [InlineData(13, "ManageConfiguration")]
    [InlineData(14, "ManageNetwork")]
    [InlineData(15, "ManageToken")]
    [InlineData(16, "ManagePlugin")]
    [InlineData(17, "GetDeviceType")]
    [InlineData(18, "ManageDeviceType")]
    public void DeviceHives_actions_have_DeviceHives_numbers(int number, string name)
    {
        ActionNames.BuiltIn.NumberOf(name).ShouldBe(number);
        ActionNames.BuiltIn.TryResolve($"{number}", out var byNumber).ShouldBeTrue();
        byNumber.ShouldBe(name);
        ActionNames.BuiltIn.TryResolve(name.ToUpperInvariant(), out var byName).ShouldBeTrue();
        byName.ShouldBe(name);
    }

    [Fact]
    public void There_are_no_other_actions() => ActionNames.BuiltIn.All.Count().ShouldBe(17);

    [Theory]
    [InlineData("0")]
    [InlineData("1")]
    [InlineData("19")]
    [InlineData("-2")]
    [InlineData("+2")]
    [InlineData(" 2")]
    [InlineData("*")]
    [InlineData("None")]
    [InlineData("GetDeviceState")]
    [InlineData("")]
    public void What_is_no_single_action_does_not_resolve(string text) => ActionNames.BuiltIn.TryResolve(text, out _).ShouldBeFalse();

    [Theory]
    [InlineData("*")]
    [InlineData("0")]
    public void Any_selects_everything(string word)
    {
        ActionNames.BuiltIn.Select(["GetDevice", word], out var unknown).IsEverything.ShouldBeTrue();
        unknown.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("None")]
    [InlineData("1")]
    public void None_adds_nothing(string word)
    {
        ActionNames.BuiltIn.Select([word], out var unknown).IsNothing.ShouldBeTrue();
        ActionNames.BuiltIn.Select([word, "3"], out _).ShouldBe(Selection.Of("GetDevice"));
        unknown.ShouldBeEmpty();
    }

    [Fact]
    public void What_is_unknown_is_told_and_selects_nothing()
    {
        ActionNames
            .BuiltIn.Select(["GetDevice", "getnetwork", "Fly", "19"], out var unknown)
            .ShouldBe(Selection.Of("GetDevice", "GetNetwork"));
        unknown.ShouldBe(["Fly", "19"]);
    }

    [Fact]
    public void A_config_adds_actions_with_numbers_from_1000()
    {
        var actions = With("StartCharging", 1001);
        actions.TryResolve("1001", out var name).ShouldBeTrue();
        name.ShouldBe("StartCharging");
        actions.HasReach("StartCharging").ShouldBeTrue();
        new ActionNames(new Dictionary<string, int> { ["Ping"] = 1000 }, ["Ping"]).HasReach("Ping").ShouldBeFalse();
    }

    [Theory]
    [InlineData("Low", 999)]
    [InlineData("GetDevice", 1000)]
    [InlineData("getdevice", 1000)]
    [InlineData("None", 1000)]
    [InlineData("*", 1000)]
    [InlineData("", 1000)]
    [InlineData("Negative", -1)]
    public void An_action_that_would_hide_another_is_refused(string name, int number) =>
        Should.Throw<ArgumentException>(() => With(name, number));

    [Fact]
    public void Two_actions_never_share_a_number() =>
        Should.Throw<ArgumentException>(() => new ActionNames(new Dictionary<string, int> { ["A"] = 1000, ["B"] = 1000 }, []));

    [Theory]
    [InlineData("GetCurrentUser", false)]
    [InlineData("ManageUser", false)]
    [InlineData("ManageConfiguration", false)]
    [InlineData("GetDevice", true)]
    [InlineData("GetNetwork", true)]
    [InlineData("GetDeviceType", true)]
    [InlineData("CreateDeviceCommand", true)]
    [InlineData("CreateDeviceNotification", true)]
    [InlineData("Unheard", true)]
    public void Only_actions_about_no_device_network_type_or_command_are_without_reach(string name, bool reaches) =>
        ActionNames.BuiltIn.HasReach(name).ShouldBe(reaches);
}
