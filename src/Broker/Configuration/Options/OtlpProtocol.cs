namespace Broker.Configuration;

/// <summary>OTLP on the wire.</summary>
internal enum OtlpProtocol
{
    Grpc,
    HttpProtobuf,
}
