using System.Globalization;

namespace Benchmarks.Load;

/// <summary>What a load run is told on the command line.</summary>
internal sealed record LoadOptions
{
    public const string Usage = """
        load options:
          --rounds N             turns of each candidate (5)
          --seconds N            length of a turn (5)
          --warm-up N            seconds under load before the first turn, each candidate (10)
          --connections N        keep-alive connections (32)
          --algorithm A          RS256, ES256 or HS256: the key of the caller's token (RS256)
          --log on|off|both      the broker's line a request (both)
          --revocations N        one more candidate: the broker while so many revocations stand
          --redis HOST:PORT      with --revocations: the Redis that it shares them through
          --against FILE         another build's broker.dll, as one more candidate; may be repeated
          --env NAME=VALUE       a variable for every proxy; 'bare:NAME=VALUE' or 'broker:NAME=VALUE' for one kind; may be repeated
        """;

    public int Rounds { get; init; } = 5;

    public double Seconds { get; init; } = 5;

    public double WarmUp { get; init; } = 10;

    public int Connections { get; init; } = 32;

    public string Algorithm { get; init; } = "RS256";

    public string Log { get; init; } = "both";

    /// <summary>With the log off, on, or once with each.</summary>
    public IEnumerable<bool> Logs => Log == "both" ? [false, true] : [Log == "on"];

    public int Revocations { get; init; }

    public string? Redis { get; init; }

    public IReadOnlyList<string> Against { get; init; } = [];

    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <exception cref="ArgumentException">An option is not known, or its value is not one of it.</exception>
    public static LoadOptions Parse(string[] args)
    {
        var options = new LoadOptions();
        for (var i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length)
            {
                throw new ArgumentException($"{args[i]} needs a value.");
            }

            options = options.With(args[i], args[i + 1]);
        }

        return options;
    }

    /// <summary>The variables for one kind of proxy.</summary>
    public IEnumerable<(string Name, string Value)> VariablesOf(string kind) =>
        from entry in Environment
        let own = entry.StartsWith(kind + ":", StringComparison.Ordinal) ? entry[(kind.Length + 1)..] : entry
        let sign = own.IndexOf('=', StringComparison.Ordinal)
        where sign > 0 && !own[..sign].Contains(':', StringComparison.Ordinal)
        select (own[..sign], own[(sign + 1)..]);

    private LoadOptions With(string name, string value) =>
        name switch
        {
            "--rounds" => this with { Rounds = (int)Number(name, value) },
            "--seconds" => this with { Seconds = Number(name, value) },
            "--warm-up" => this with { WarmUp = Number(name, value) },
            "--connections" => this with { Connections = (int)Number(name, value) },
            "--algorithm" => this with { Algorithm = OneOf(name, value, "RS256", "ES256", "HS256") },
            "--log" => this with { Log = OneOf(name, value, "on", "off", "both") },
            "--revocations" => this with { Revocations = (int)Number(name, value) },
            "--redis" => this with { Redis = value },
            "--against" => this with { Against = [.. Against, value] },
            "--env" => this with { Environment = [.. Environment, value] },
            _ => throw new ArgumentException($"{name} is no option of 'load'."),
        };

    private static double Number(string name, string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= 1
            ? number
            : throw new ArgumentException($"{name} takes a number from 1.");

    private static string OneOf(string name, string value, params string[] known) =>
        known.Contains(value) ? value : throw new ArgumentException($"{name} takes {string.Join(", ", known)}.");
}
