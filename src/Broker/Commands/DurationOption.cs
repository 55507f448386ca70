using System.CommandLine;
using Broker.Configuration;

namespace Broker.Commands;

/// <summary>
/// An option that takes a time in the config's own form: "10" would be ten days to one reader and ten seconds to another.
/// </summary>
internal static class DurationOption
{
    public static Option<TimeSpan?> Create(string name, string description) =>
        new(name)
        {
            Description = description,
            CustomParser = result =>
            {
                var time = Scalars.Duration(result.Tokens.Count == 1 ? result.Tokens[0].Value : null, out var mistake);
                if (mistake is null && time < TimeSpan.FromSeconds(1))
                {
                    mistake = "at least a second";
                }

                if (mistake is not null)
                {
                    result.AddError($"{name}: {mistake}.");
                }

                return time;
            },
        };
}
