namespace Broker.Commands;

/// <summary>Where the demo listens on loopback; 0 is any free port.</summary>
/// <param name="Broker">The broker.</param>
/// <param name="Management">Its health.</param>
/// <param name="Simulators">The first of the four simulators, which stand side by side.</param>
internal sealed record DemoPorts(int Broker, int Management, int Simulators)
{
    public int SimulatorAt(int index) => Simulators == 0 ? 0 : Simulators + index;
}
