using Holon.Machines;
using Holon.SystemMachine;

namespace Holon.Cli.Running;

/// <summary>A machine together with the way into its serial line.</summary>
/// <param name="Machine">The machine.</param>
/// <param name="SendSerial">Gives bytes to its first serial port.</param>
internal sealed record ConnectedMachine(IMachine Machine, SendSerial SendSerial);

/// <summary>Takes what a guest prints. Called on a thread of the machine; it waits while this does.</summary>
internal delegate void SerialSink(ReadOnlySpan<byte> data);

/// <summary>Builds a machine from its specification.</summary>
internal delegate ConnectedMachine MachineFactory(SystemMachineSpec spec, SerialSink output, TextWriter? trace);
