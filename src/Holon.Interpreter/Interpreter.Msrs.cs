using Holon.X86;

namespace Holon.Interpreter;

// Model-specific registers (SDM vol. 4, table 2-2; Linux Documentation/virt/kvm/x86/msr.rst). Unknown ones fault, as on hardware.
public sealed unsafe partial class Interpreter
{
    private ulong _kvmWallClock, _kvmSystemTime;
    private readonly ulong[] _mtrr = new ulong[28];

    /// <summary>Its APIC ID, for CPUID.</summary>
    public uint ApicId { get; set; }

    /// <summary>vCPUs of the machine, for CPUID.</summary>
    public int CpuCount { get; set; } = 1;

    /// <summary>Bits of a physical address as CPUID tells them. Page tables may use all that <see cref="X86.Paging.PageWalk.PhysicalAddressBits"/> says.</summary>
    public int PhysicalAddressBits { get; set; } = X86.Paging.PageWalk.PhysicalAddressBits;

    /// <summary>#GP(0) unless this privilege level may use the port: IOPL, or the TSS's permission bitmap (SDM vol. 1 §19.5).</summary>
    internal void CheckPort(ushort port, int size)
    {
        if ((State.Cr0 & Cr0.PE) != 0 && (Cpl > (int)((State.Rflags >> 12) & 3) || Virtual8086))
        {
            var tr = State.Tr;
            if (!tr.IsUsable || (tr.Type & 8) == 0 || tr.Limit < 103) RaiseGp();
            var offset = ReadSystem<ushort>(tr.Base + 102) + (uint)(port >> 3);
            if (offset + 1 > tr.Limit) RaiseGp();
            var bits = ReadSystem<ushort>(tr.Base + offset) >> (port & 7);
            if ((bits & ((1 << size) - 1)) != 0) RaiseGp();
        }

        CheckPortBreakpoints(port, size);
    }

    private void ResetRegisters()
    {
        _kvmWallClock = _kvmSystemTime = 0;
        _mtrr.AsSpan().Clear();
        _pendingDebug = _heldDebug = 0;
    }

    internal bool TryReadMsr(uint msr, out ulong value)
    {
        if (msr is 0x1B or 0x6E0 or (>= 0x800 and <= 0x8FF)) return _interrupts.TryReadMsr(msr, out value);
        bool known;
        (known, value) = msr switch
        {
            0x10 => (true, _clock.Tsc + State.TscOffset),
            0x17 or 0x2A or 0x33 or 0x34 or 0x3A or 0x79 or 0xCD or 0xCE or 0x140 or 0x179 or 0x17A or 0x17F or 0x198 or 0x19A or 0x19B or 0x19C
                or 0x1D9 or 0x1DB or 0x1DC or 0x1DD or 0x1DE or 0x345 or 0x606 or 0x611 or 0x619 or 0x639 or 0x641 => (true, msr == 0x3A ? 1ul : 0ul),
            0x3B => (true, State.TscAdjust),
            0x48 => (true, State.SpecCtrl),
            0x8B => (true, 0x0100000000000000ul), // microcode revision: newer than any that Linux distrusts
            0xE7 or 0xE8 => (true, _clock.Tsc),
            0xFE => (true, 0x508ul), // MTRRs: 8 variable, fixed, write-combining
            // RDCL_NO IBRS_ALL SKIP_L1DFL SSB_NO MDS_NO PSCHANGE_MC_NO TAA_NO SBDR_SSDP_NO FBSDP_NO PSDP_NO BHI_NO GDS_NO RFDS_NO, ITS_NO:
            // an interpreter has none of the processor's leaks, so guests need not work around them.
            0x10A => (true, 0x400000000C10E17Bul),
            0x174 => (true, State.SysenterCs),
            0x175 => (true, State.SysenterEsp),
            0x176 => (true, State.SysenterEip),
            0x1A0 => (true, State.MiscEnable),
            0x277 => (true, State.Pat),
            >= 0x200 and <= 0x20F => (true, _mtrr[msr - 0x200]),
            0x250 => (true, _mtrr[16]),
            0x258 or 0x259 => (true, _mtrr[17 + (msr - 0x258)]),
            >= 0x268 and <= 0x26F => (true, _mtrr[19 + (msr - 0x268)]),
            0x2FF => (true, _mtrr[27]),
            0x400 or 0x401 or 0x402 or 0x403 => (false, 0ul),
            0xC0000080 => (true, State.Efer),
            0xC0000081 => (true, State.Star),
            0xC0000082 => (true, State.Lstar),
            0xC0000083 => (true, State.Cstar),
            0xC0000084 => (true, State.FmaskMsr),
            0xC0000100 => (true, State.Segments[SegmentRegisters.Fs].Base),
            0xC0000101 => (true, State.Segments[SegmentRegisters.Gs].Base),
            0xC0000102 => (true, State.KernelGsBase),
            0xC0000103 => (true, State.TscAux),
            0x4B564D00 => (true, _kvmWallClock),
            0x4B564D01 => (true, _kvmSystemTime),
            _ => (false, 0ul),
        };
        return known;
    }

    internal bool TryWriteMsr(uint msr, ulong value)
    {
        switch (msr)
        {
            case 0x1B:
                if (!_interrupts.TryWriteMsr(msr, value)) return false;
                State.ApicBase = value;
                RecheckInterrupts();
                return true;
            case 0x6E0 or (>= 0x800 and <= 0x8FF):
                RecheckInterrupts();
                return _interrupts.TryWriteMsr(msr, value);
            case 0x10:
                var offset = value - _clock.Tsc;
                State.TscAdjust += offset - State.TscOffset;
                State.TscOffset = _interrupts.TscOffset = offset;
                return true;
            case 0x3B:
                State.TscOffset += value - State.TscAdjust;
                _interrupts.TscOffset = State.TscOffset;
                State.TscAdjust = value;
                return true;
            case 0x48: // IBRS, STIBP, SSBD: nothing to do
                if ((value & ~7ul) != 0) return false;
                State.SpecCtrl = value;
                return true;
            case 0x49: // IBPB
                return (value & ~1ul) == 0;
            case 0x140: // no CPUID faulting, no ring 3 MWAIT
                return value == 0;
            case 0x79 or 0x8B or 0x17F or 0x1D9 or 0x198 or 0x19A or 0x19B or 0x19C:
                return true;
            case 0x174:
                State.SysenterCs = (uint)value;
                return true;
            case 0x175:
                if (!IsCanonical(value)) return false;
                State.SysenterEsp = value;
                return true;
            case 0x176:
                if (!IsCanonical(value)) return false;
                State.SysenterEip = value;
                return true;
            case 0x1A0:
                State.MiscEnable = value;
                return true;
            case 0x277:
                if (!IsValidPat(value)) return false;
                State.Pat = value;
                return true;
            case >= 0x200 and <= 0x20F:
                _mtrr[msr - 0x200] = value;
                return true;
            case 0x250:
                _mtrr[16] = value;
                return true;
            case 0x258 or 0x259:
                _mtrr[17 + (msr - 0x258)] = value;
                return true;
            case >= 0x268 and <= 0x26F:
                _mtrr[19 + (msr - 0x268)] = value;
                return true;
            case 0x2FF:
                _mtrr[27] = value;
                return true;
            case 0xC0000080:
                return SetEfer(value);
            case 0xC0000081:
                State.Star = value;
                return true;
            case 0xC0000082:
                if (!IsCanonical(value)) return false;
                State.Lstar = value;
                return true;
            case 0xC0000083:
                if (!IsCanonical(value)) return false;
                State.Cstar = value;
                return true;
            case 0xC0000084:
                State.FmaskMsr = (uint)value;
                return true;
            case 0xC0000100:
                return SetBase(SegmentRegisters.Fs, value);
            case 0xC0000101:
                return SetBase(SegmentRegisters.Gs, value);
            case 0xC0000102:
                if (!IsCanonical(value)) return false;
                State.KernelGsBase = value;
                return true;
            case 0xC0000103:
                if (value >> 32 != 0) return false;
                State.TscAux = value;
                return true;
            case 0x4B564D00:
                _kvmWallClock = value;
                WriteWallClock(value);
                return true;
            case 0x4B564D01:
                _kvmSystemTime = value;
                if ((value & 1) != 0) WriteSystemTime(value & ~1ul);
                return true;
            default:
                return false;
        }
    }

    private static bool IsValidPat(ulong value)
    {
        for (var i = 0; i < 8; i++)
        {
            if (((value >> (8 * i)) & 0xFF) is 2 or 3 or > 7) return false;
        }

        return true;
    }

    private bool SetBase(int segment, ulong value)
    {
        if (!IsCanonical(value)) return false;
        ref var register = ref State.Segments[segment];
        register = register with { Base = value };
        return true;
    }

    private bool SetEfer(ulong value)
    {
        if ((value & ~(Efer.Sce | Efer.Lme | Efer.Lma | Efer.Nxe)) != 0) return false;
        if (((value ^ State.Efer) & Efer.Lme) != 0 && (State.Cr0 & Cr0.PG) != 0) return false;
        var changed = State.Efer ^ value;
        State.Efer = (value & ~Efer.Lma) | (State.Efer & Efer.Lma);
        if ((changed & Efer.Nxe) != 0) FlushTranslations(true);
        return true;
    }

    /// <summary>pvclock_wall_clock: the time of day when the guest's clock was zero.</summary>
    private void WriteWallClock(ulong physical)
    {
        if (!_memory.Contains(physical, 12)) return;
        var boot = _clock.UtcNow - DateTime.UnixEpoch - TimeSpan.FromTicks(_clock.Nanoseconds / 100);
        var version = (_memory.Read<uint>(physical) | 1) + 1;
        _memory.Write(physical + 4, (uint)boot.TotalSeconds);
        _memory.Write(physical + 8, (uint)(boot.Ticks % TimeSpan.TicksPerSecond * 100));
        _memory.Write(physical, version);
    }

    /// <summary>pvclock_vcpu_time_info. The TSC is invariant and the same on all vCPUs, so one write holds for ever.</summary>
    private void WriteSystemTime(ulong physical)
    {
        if (!_memory.Contains(physical, 32)) return;
        // ns = ((tsc - tsc_timestamp) << shift) * mul >> 32; below, the shift makes the frequency fit 1–2 GHz.
        var frequency = _clock.TscFrequency;
        sbyte shift = 0;
        while (frequency > 2_000_000_000)
        {
            frequency >>= 1;
            shift--;
        }

        while (frequency <= 1_000_000_000)
        {
            frequency <<= 1;
            shift++;
        }

        var version = (_memory.Read<uint>(physical) | 1) + 1;
        var tsc = _clock.Tsc;
        _memory.Write(physical + 8, tsc + State.TscOffset);
        _memory.Write(physical + 16, _clock.Nanoseconds);
        _memory.Write(physical + 24, (uint)((1_000_000_000ul << 32) / frequency));
        _memory.Write(physical + 28, shift);
        _memory.Write(physical + 29, (byte)1); // PVCLOCK_TSC_STABLE_BIT
        _memory.Write(physical, version);
    }
}
