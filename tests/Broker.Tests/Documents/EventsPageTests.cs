using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Broker.Configuration;
using Microsoft.Extensions.Logging;
using Shouldly;
using Xunit;

namespace Broker.Tests.Documents;

/// <summary>The table of events in <c>docs/operations.md</c> has every log event of the broker, with its level and its message, and no other.</summary>
public sealed partial class EventsPageTests
{
    private const BindingFlags All =
        BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private static readonly List<(int Id, string Level, string Message, string Action)> Rows =
    [
        .. Row()
            .Matches(Pages.Text("operations.md"))
            .Select(match =>
                (
                    int.Parse(match.Groups["id"].Value, CultureInfo.InvariantCulture),
                    match.Groups["level"].Value,
                    match.Groups["message"].Value.Trim(),
                    match.Groups["action"].Value.Trim()
                )
            ),
    ];

    private static readonly List<LoggerMessageAttribute> Events =
    [
        .. typeof(BrokerOptions)
            .Assembly.GetTypes()
            .SelectMany(type => type.GetMethods(All))
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>())
            .OfType<LoggerMessageAttribute>(),
    ];

    [Fact]
    public void Every_event_is_on_the_page_with_its_level_and_message_and_no_other()
    {
        Events.Count.ShouldBeGreaterThan(40);
        Rows.Select(row => (row.Id, row.Level, row.Message))
            .ShouldBe(Events.OrderBy(told => told.EventId).Select(told => (told.EventId, told.Level.ToString(), told.Message)));
    }

    [Fact]
    public void No_number_stands_for_two_events() => Events.Select(told => told.EventId).ShouldBeUnique();

    [Fact]
    public void Every_event_says_what_to_do() => Rows.Where(row => row.Action.Length == 0).ShouldBeEmpty();

    [GeneratedRegex(
        @"^\| (?<id>\d{3}) \| (?<level>\w+) \| `(?<message>[^`]+)` \| (?<action>[^|]*)\|",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture
    )]
    private static partial Regex Row();
}
