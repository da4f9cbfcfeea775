using Holon.X86;

namespace Holon.SystemMachine.Tests.LockStep;

/// <summary>What surrounds the leading vCPU, with every answer noted down for the one that follows.</summary>
internal sealed class Recorder(IVcpuBus bus, IVcpuInterrupts interrupts, IVcpuClock clock) : IVcpuBus, IVcpuInterrupts, IVcpuClock
{
    /// <summary>Questions and answers that the follower has not come to yet.</summary>
    public Queue<Exchange> Exchanges { get; } = new();

    /// <summary>Set while events are attended: only then are looks at waiting interrupts noted, since otherwise engines look when they like.</summary>
    public bool NotesLooks { get; set; }

    public bool HasInterrupt => Look("interrupt?", interrupts.HasInterrupt);

    public bool HasNmi => Look("nmi?", interrupts.HasNmi);

    public bool HasStartup => Look("startup?", interrupts.HasStartup);

    public byte TaskPriority
    {
        get => (byte)Note("priority", 0, interrupts.TaskPriority);
        set
        {
            Note("set priority", value, 0);
            interrupts.TaskPriority = value;
        }
    }

    public ulong TscOffset
    {
        get => Note("offset", 0, interrupts.TscOffset);
        set
        {
            Note("set offset", value, 0);
            interrupts.TscOffset = value;
        }
    }

    public long Nanoseconds => (long)Note("nanoseconds", 0, (ulong)clock.Nanoseconds);

    public ulong TscFrequency => clock.TscFrequency;

    public ulong Tsc => Note("tsc", 0, clock.Tsc);

    public DateTime UtcNow => new((long)Note("date", 0, (ulong)clock.UtcNow.Ticks), DateTimeKind.Utc);

    public uint ReadPort(ushort port, int size) => (uint)Note("in", port, bus.ReadPort(port, size));

    public void WritePort(ushort port, int size, uint value)
    {
        Note("out", ((ulong)port << 32) | value, 0);
        bus.WritePort(port, size, value);
    }

    public ulong ReadMmio(ulong address, int size) => Note("read", address, bus.ReadMmio(address, size));

    public void WriteMmio(ulong address, int size, ulong value)
    {
        Note("write", address, value);
        bus.WriteMmio(address, size, value);
    }

    public int Acknowledge() => (int)Note("acknowledge", 0, (ulong)interrupts.Acknowledge());

    public void AcknowledgeNmi()
    {
        Note("acknowledge nmi", 0, 0);
        interrupts.AcknowledgeNmi();
    }

    public int AcknowledgeStartup() => (int)Note("acknowledge startup", 0, (ulong)interrupts.AcknowledgeStartup());

    public void WakeProcessor(uint apicId)
    {
        Note("wake", apicId, 0);
        interrupts.WakeProcessor(apicId);
    }

    public bool TakeWakeUp() => Note("woken?", 0, interrupts.TakeWakeUp() ? 1u : 0) != 0;

    public int SendToMany(UInt128 destinations, uint first, uint command) => (int)Note("send", command, (ulong)interrupts.SendToMany(destinations, first, command));

    public bool TryReadMsr(uint msr, out ulong value)
    {
        var known = interrupts.TryReadMsr(msr, out value);
        Note(known ? "rdmsr" : "no rdmsr", msr, value);
        return known;
    }

    public bool TryWriteMsr(uint msr, ulong value)
    {
        var known = interrupts.TryWriteMsr(msr, value);
        Note(known ? "wrmsr" : "no wrmsr", msr, value);
        return known;
    }

    private bool Look(string question, bool answer)
    {
        if (NotesLooks) Note(question, 0, answer ? 1u : 0);
        return answer;
    }

    private ulong Note(string question, ulong about, ulong answer)
    {
        Exchanges.Enqueue(new Exchange(question, about, answer));
        return answer;
    }
}

/// <summary>A question of a vCPU and what it was told; for writes, what was written.</summary>
internal readonly record struct Exchange(string Question, ulong About, ulong Answer);

/// <summary>What surrounds the following vCPU: it must ask what the leader asked, and is told the same.</summary>
internal sealed class Player(Queue<Exchange> exchanges, IVcpuClock clock) : IVcpuBus, IVcpuInterrupts, IVcpuClock
{
    /// <summary>Set while events are attended.</summary>
    public bool AnswersLooks { get; set; }

    public bool HasInterrupt => AnswersLooks && Take("interrupt?", 0) != 0;

    public bool HasNmi => AnswersLooks && Take("nmi?", 0) != 0;

    public bool HasStartup => AnswersLooks && Take("startup?", 0) != 0;

    public byte TaskPriority
    {
        get => (byte)Take("priority", 0);
        set => Take("set priority", value);
    }

    public ulong TscOffset
    {
        get => Take("offset", 0);
        set => Take("set offset", value);
    }

    public long Nanoseconds => (long)Take("nanoseconds", 0);

    public ulong TscFrequency => clock.TscFrequency;

    public ulong Tsc => Take("tsc", 0);

    public DateTime UtcNow => new((long)Take("date", 0), DateTimeKind.Utc);

    public uint ReadPort(ushort port, int size) => (uint)Take("in", port);

    public void WritePort(ushort port, int size, uint value) => Take("out", ((ulong)port << 32) | value);

    public ulong ReadMmio(ulong address, int size) => Take("read", address);

    public void WriteMmio(ulong address, int size, ulong value)
    {
        var written = Take("write", address);
        if (written != value) throw new DifferenceException($"0x{value:x} is written to the device at 0x{address:x} instead of 0x{written:x}");
    }

    public int Acknowledge() => (int)Take("acknowledge", 0);

    public void AcknowledgeNmi() => Take("acknowledge nmi", 0);

    public int AcknowledgeStartup() => (int)Take("acknowledge startup", 0);

    public void WakeProcessor(uint apicId) => Take("wake", apicId);

    public bool TakeWakeUp() => Take("woken?", 0) != 0;

    public int SendToMany(UInt128 destinations, uint first, uint command) => (int)Take("send", command);

    public bool TryReadMsr(uint msr, out ulong value) => TryTakeMsr("rdmsr", "no rdmsr", msr, out value);

    public bool TryWriteMsr(uint msr, ulong value) => TryTakeMsr("wrmsr", "no wrmsr", msr, out var written) && written == value;

    private bool TryTakeMsr(string known, string unknown, uint msr, out ulong value)
    {
        var isKnown = exchanges.TryPeek(out var next) && next.Question == known;
        value = Take(isKnown ? known : unknown, msr);
        return isKnown;
    }

    private ulong Take(string question, ulong about)
    {
        if (!exchanges.TryDequeue(out var exchange)) throw new DifferenceException($"only the interpreter asks: {question} 0x{about:x}");
        if (exchange.Question != question || exchange.About != about)
            throw new DifferenceException($"the translator asked: {exchange.Question} 0x{exchange.About:x}, the interpreter: {question} 0x{about:x}");
        return exchange.Answer;
    }
}

/// <summary>The two engines do not do the same.</summary>
internal sealed class DifferenceException(string message) : Exception(message);
