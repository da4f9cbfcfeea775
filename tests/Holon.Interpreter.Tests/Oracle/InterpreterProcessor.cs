using Holon.Oracle.Guest;
using Holon.X86;

namespace Holon.Interpreter.Tests.Oracle;

/// <summary>The interpreter as an instruction runner.</summary>
internal sealed class InterpreterProcessor : EngineProcessor
{
    private readonly Interpreter _interpreter;

    public InterpreterProcessor()
        : base(new UserModeGuest())
    {
        var nothing = new NothingOutside();
        _interpreter = new Interpreter(Guest.Memory, nothing, nothing, nothing, CpuModel.X8664V3);
    }

    protected override IVcpu Vcpu => _interpreter;

    protected override void Step() => _interpreter.StepOne();

    /// <summary>No devices, no interrupts, no time: user-mode instructions reach none of them.</summary>
    private sealed class NothingOutside : IVcpuBus, IVcpuInterrupts, IVcpuClock
    {
        public bool HasInterrupt => false;

        public bool HasNmi => false;

        public bool HasStartup => false;

        public byte TaskPriority { get; set; }

        public ulong TscOffset { get; set; }

        public long Nanoseconds => 0;

        public ulong TscFrequency => 1_000_000_000;

        public ulong Tsc => 0;

        public uint ReadPort(ushort port, int size) => throw Unreachable();

        public void WritePort(ushort port, int size, uint value) => throw Unreachable();

        public ulong ReadMmio(ulong address, int size) => throw Unreachable();

        public void WriteMmio(ulong address, int size, ulong value) => throw Unreachable();

        public int Acknowledge() => -1;

        public void AcknowledgeNmi()
        {
        }

        public int AcknowledgeStartup() => throw Unreachable();

        public bool TryReadMsr(uint msr, out ulong value) => throw Unreachable();

        public bool TryWriteMsr(uint msr, ulong value) => throw Unreachable();

        private static InvalidOperationException Unreachable() => new("A user-mode instruction reached a device.");
    }
}
