using Benchmarks.Cold;
using Benchmarks.Load;
using Benchmarks.Micro;
using Benchmarks.Shared;

const string Usage = """
    usage: dotnet run -c Release --project tests/Benchmarks -- micro [BenchmarkDotNet's options]
           dotnet run -c Release --project tests/Benchmarks -- load [options]
           dotnet run -c Release --project tests/Benchmarks -- shared [accounts in Redis ...]
           dotnet run -c Release --project tests/Benchmarks -- cold [--seconds N]

    micro: Decide, handing out a fresh token, reading a remembered credential, looking at a path.
    load:  the broker doing its whole job beside a bare YARP proxy, in turns, in front of the same local server.
    shared: a token that replicas share, out of the cell, out of a real redis-server, and from nobody; its bytes.
    cold:   the longest wait of a normal caller in a process that has just started, while others reset streams or need new connections.
    """;

switch (args)
{
    case ["micro", .. var rest]:
        return MicroRun.Run(rest);
    case ["load", .. var rest]:
        return await LoadRun.Run(rest);
    case ["shared", .. var rest]:
        return await SharedRun.Run(rest);
    case ["cold", .. var rest]:
        return await ColdRun.Run(rest);
    case [AnswerServer.Verb, var token]:
        return await AnswerServer.Run(token);
    case [AnswerServer.Verb, var token, var certificate, var key]:
        return await AnswerServer.Run(token, (certificate, key));
    case [BareProxy.Verb, var destination]:
        return await BareProxy.Run(destination);
    default:
        Console.WriteLine(Usage);
        Console.WriteLine();
        Console.WriteLine(LoadOptions.Usage);
        return args.Length == 0 ? 0 : 2;
}
