using Broker.Commands;

return await BrokerCommands.Run(args, Streams.Process, CancellationToken.None);
