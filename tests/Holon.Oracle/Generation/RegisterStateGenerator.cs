using System.Runtime.InteropServices;
using Holon.Oracle.Guest;

namespace Holon.Oracle.Generation;

/// <summary>Random register state in which every part is valid: XRSTOR must be able to load it.</summary>
public static class RegisterStateGenerator
{
    private const uint MxcsrMasks = 0x1F80;
    private const int ExceptionBits = 0x3F;

    private static readonly ushort[] _loadableSelectors = [UserModeGuest.UserData, UserModeGuest.UserCode, UserModeGuest.UserCode32];

    /// <summary>A selector for instructions that look it up: null, of any segment, beyond the table, in the local table that does not exist.</summary>
    public static ushort Selector(CaseRandom random) => random.Below(8) switch
    {
        0 => (ushort)random.Below(4),
        1 => (ushort)(0x1000 + random.Below(0x2000)),
        2 => (ushort)(4 | random.Below(0x40)),
        3 => (ushort)(random.Between(1, 6) << 3 | (uint)random.Below(4)),
        _ => random.Pick<ushort>([UserModeGuest.UserData, UserModeGuest.UserCode, UserModeGuest.UserCode32, UserModeGuest.KernelCode, UserModeGuest.KernelData | 3]),
    };

    /// <summary>Random general registers and flags. Memory operands override the registers they need.</summary>
    public static void FillGeneral(CaseRandom random, ref ProcessorImage state)
    {
        foreach (ref var register in (Span<ulong>)state.Gpr)
        {
            register = random.Percent(12)
                ? AddressLayout.Window + (ulong)random.Below(AddressLayout.WindowSize)
                : AwayFromFiveLevelPaging(InterestingValues.Integer(random));
        }

        state.Gpr[4] = AddressLayout.Window + 0x100 + (ulong)(random.Below(0x1C00) & (random.Percent(80) ? ~7 : ~0));
        foreach (ref var selector in (Span<ushort>)state.Selectors) selector = random.Percent(70) ? (ushort)0 : random.Pick<ushort>(_loadableSelectors);
        state.Rflags = X86.Rflags.Fixed | X86.Rflags.IF | (random.Next() & X86.Rflags.Status);
        if (random.Percent(15)) state.Rflags |= X86.Rflags.DF;
        if (random.Percent(2)) state.Rflags |= X86.Rflags.AC; // Linux lets user mode check alignment
    }

    /// <summary>Random vectors and MXCSR.</summary>
    public static void FillVectors(CaseRandom random, LaneKind kind, ref ProcessorImage state)
    {
        var few = random.Percent(35);
        Span<byte> pool = stackalloc byte[32]; // few distinct values make equal operands, cancellations and ties
        if (few) Lanes.Fill(random, kind, pool);
        for (var i = 0; i < 16; i++)
        {
            FillVector(random, kind, few ? pool : default, state.Xmm(i));
            FillVector(random, kind, few ? pool : default, state.YmmHigh(i));
        }

        state.Mxcsr = Mxcsr(random);
    }

    /// <summary>A valid MXCSR.</summary>
    public static uint Mxcsr(CaseRandom random)
    {
        const uint denormalsAreZero = 1 << 6, flushToZero = 1 << 15;
        var value = (uint)random.Below(4) << 13;
        value |= random.Percent(75) ? MxcsrMasks : ((uint)random.Next() & MxcsrMasks);
        if (random.Percent(40)) value |= (uint)random.Next() & ExceptionBits;
        if (random.Percent(15)) value |= denormalsAreZero;
        if (random.Percent(15)) value |= flushToZero;
        return value;
    }

    /// <summary>Random x87 state.</summary>
    public static void FillX87(CaseRandom random, ref ProcessorImage state)
    {
        for (var i = 0; i < 8; i++)
        {
            var register = state.St(i);
            if (random.Percent(15))
            {
                random.Fill(register[..8]); // as MMX instructions leave it
                register[8] = register[9] = 0xFF;
            }
            else
            {
                InterestingValues.Extended(random, register);
            }
        }

        if (random.Percent(25)) state.St(random.Below(4)).CopyTo(state.St(4 + random.Below(4)));
        if (random.Percent(25)) state.St(random.Below(8)).CopyTo(state.St(0));
        state.FpuControl = FpuControl(random);
        state.FpuStatus = FpuStatus(random, state.FpuControl);
        state.FpuTags = random.Below(10) switch { 0 => (byte)random.Next(), 1 => 0, 2 => (byte)~(1 << random.Below(8)), _ => 0xFF };
    }

    /// <summary>A valid x87 control word.</summary>
    public static ushort FpuControl(CaseRandom random)
    {
        const int alwaysOne = 0x40, reservedPrecision = 1;
        var precision = random.Percent(60) ? 3 : random.Below(4);
        if (precision == reservedPrecision) precision = 3;
        var masks = random.Percent(75) ? ExceptionBits : random.Below(64);
        return (ushort)(alwaysOne | masks | (precision << 8) | (random.Below(4) << 10));
    }

    /// <summary>An x87 status word that agrees with a control word: ES and B say whether an unmasked exception is pending.</summary>
    public static ushort FpuStatus(CaseRandom random, ushort control)
    {
        const int conditionCodes = 0x4700, stackFault = 0x40, summaryAndBusy = 0x8080;
        var status = (int)(random.Next() & conditionCodes) | (random.Below(8) << 11);
        if (random.Percent(30)) status |= random.Below(64);
        if (random.Percent(10)) status |= stackFault | 1;
        var pending = status & ~control & ExceptionBits;
        if (pending != 0 && random.Percent(70)) status &= ~pending; // otherwise most cases would only raise #MF
        if ((status & ~control & ExceptionBits) != 0) status |= summaryAndBusy;
        return (ushort)status;
    }

    /// <summary>Addresses that are canonical for five-level paging only would make results depend on the host's kernel.</summary>
    public static ulong AwayFromFiveLevelPaging(ulong value)
    {
        var high = (long)value >> 47;
        return high is not 0 and not -1 && (long)value >> 56 is 0 or -1 ? value ^ (1ul << 62) : value;
    }

    private static void FillVector(CaseRandom random, LaneKind kind, ReadOnlySpan<byte> pool, Span<byte> vector)
    {
        if (pool.IsEmpty)
        {
            Lanes.Fill(random, kind, vector);
            return;
        }

        var from = MemoryMarshal.Cast<byte, ulong>(pool);
        foreach (ref var lane in MemoryMarshal.Cast<byte, ulong>(vector)) lane = random.Pick(from);
    }
}
