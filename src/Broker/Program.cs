using Broker.Commands;

return await BrokerCommands.Run(args, ConsoleStreams.Process, CancellationToken.None);
