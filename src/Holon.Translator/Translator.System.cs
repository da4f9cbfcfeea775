using Holon.X86;
using Holon.X86.Paging;

namespace Holon.Translator;

// What translated code needs to know for SYSCALL, SYSRET and IRETQ, worked out whenever it is entered.
public sealed unsafe partial class Translator
{
    private const SegmentAttributes FlatData = SegmentAttributes.Present | SegmentAttributes.CodeOrData | SegmentAttributes.Granular | SegmentAttributes.Big | (SegmentAttributes)3;
    private const SegmentAttributes FlatCode = SegmentAttributes.Present | SegmentAttributes.CodeOrData | SegmentAttributes.Granular | SegmentAttributes.Long | (SegmentAttributes)0xB;
    private const SegmentAttributes Level3 = (SegmentAttributes)(3 << 5);

    private ulong _star = ulong.MaxValue;
    private int _readOnlyVersion = -1;

    private void PrepareSystem(int mode)
    {
        ref var state = ref State;
        if (state.Star != _star)
        {
            _star = state.Star;
            var syscall = (_star >> 32) & 0xFFFC;
            _own->SyscallCs = new Segment(0, (ushort)syscall, 0xFFFFFFFF, FlatCode);
            _own->SyscallSs = new Segment(0, (ushort)(syscall + 8), 0xFFFFFFFF, FlatData);
            _own->SysretCs = new Segment(0, (ushort)(((_star >> 48) + 16) | 3), 0xFFFFFFFF, FlatCode | Level3);
            _own->SysretSs = new Segment(0, (ushort)(((_star >> 48) + 8) | 3), 0xFFFFFFFF, FlatData | Level3);
        }

        var enabled = (state.Efer & Efer.Sce) != 0;
        // Code at the entry must be of a known mode: AC and TF are cleared.
        _own->FastSyscall = enabled && (state.FmaskMsr & (Rflags.AC | Rflags.TF)) == (Rflags.AC | Rflags.TF) ? 1u : 0;
        _own->FastReturn = enabled && !HoldsSupervisorData ? 1u : 0;
        var supervisor = (state.Cr4 & Cr4.Smap) != 0 ? TranslationMode.SupervisorWithSmap : TranslationMode.Supervisor;
        _own->SyscallMix = _blocks.Mix(supervisor | (mode & TranslationMode.NativeVectors));
        PrepareWalk();
        _own->InterruptWaits = (state.Rflags & Rflags.IF) == 0 && _cpu.HasInterrupt ? 1u : 0;
    }

    /// <summary>What the walk without managed code needs: see <see cref="Host.Stubs.Refill"/>.</summary>
    private void PrepareWalk()
    {
        const ulong noExecute = 1ul << 63;
        ref var state = ref State;
        const ulong paged = Cr0.PG | Cr0.WP;
        _own->FastWalk = (state.Cr0 & paged) == paged && (state.Efer & Efer.Lma) != 0 ? 1u : 0;
        _own->WalkRoot = state.Cr3 & PageWalk.AddressMask;
        _own->ReservedBits = PageWalk.ReservedAddress | ((state.Efer & Efer.Nxe) != 0 ? 0 : noExecute);
        _own->GlobalMask = (state.Cr4 & Cr4.Pge) != 0 ? PageWalk.GlobalBit : 0;
        if (_readOnlyVersion == _memory.ReadOnlyVersion) return;
        _readOnlyVersion = _memory.ReadOnlyVersion;
        _own->AddressBits = PageWalk.AddressMask;
        _own->SharesMemory = _memory.CodePages.IsShared ? 1u : 0;
        _own->CodeMarks = _memory.CodePages.Marks;
        var (low, lowHost) = _memory.WritablePart(0);
        var (high, highHost) = _memory.WritablePart(_memory.Regions.Count() - 1);
        (_own->LowStart, _own->LowLength, _own->LowHost) = (low.Start, low.Length, (ulong)lowHost);
        (_own->HighStart, _own->HighLength, _own->HighHost) = (high.Start, high.Length, (ulong)highHost);
    }

    /// <summary>A data segment register that a return to level 3 would make null (SDM vol. 3 §5.8.6).</summary>
    private bool HoldsSupervisorData
    {
        get
        {
            ref var segments = ref State.Segments;
            return Holds(segments[SegmentRegisters.Es]) || Holds(segments[SegmentRegisters.Ds]) || Holds(segments[SegmentRegisters.Fs]) || Holds(segments[SegmentRegisters.Gs]);

            static bool Holds(in Segment segment) => segment.IsUsable && segment.Dpl < 3;
        }
    }
}
