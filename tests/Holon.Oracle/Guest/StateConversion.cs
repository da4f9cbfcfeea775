using System.Runtime.InteropServices;
using Holon.X86;

namespace Holon.Oracle.Guest;

/// <summary>Between the user-mode part of <see cref="CpuState"/> and <see cref="ProcessorImage"/>.</summary>
internal static unsafe class StateConversion
{
    /// <summary>Puts a case's registers into a vCPU.</summary>
    public static void Load(ref CpuState state, in ProcessorImage image)
    {
        var from = image;
        for (var i = 0; i < 16; i++)
        {
            state.Gpr[i] = from.Gpr[i];
            from.Xmm(i).CopyTo(YmmOf(ref state, i));
            from.YmmHigh(i).CopyTo(YmmOf(ref state, i)[16..]);
        }

        state.Rip = from.Rip;
        state.Rflags = from.Rflags;
        state.Segments[SegmentRegisters.Es] = UserModeGuest.SegmentOf(from.Selectors[SegmentRegisters.Es]);
        state.Segments[SegmentRegisters.Ds] = UserModeGuest.SegmentOf(from.Selectors[SegmentRegisters.Ds]);
        state.Segments[SegmentRegisters.Fs] = UserModeGuest.SegmentOf(from.Selectors[SegmentRegisters.Fs]) with { Base = from.FsBase };
        state.Segments[SegmentRegisters.Gs] = UserModeGuest.SegmentOf(from.Selectors[SegmentRegisters.Gs]) with { Base = from.GsBase };
        state.Mxcsr = from.Mxcsr;
        state.FpuControl = from.FpuControl;
        state.FpuStatus = from.FpuStatus;
        state.FpuTag = FullTags(ref from);
        for (var i = 0; i < 8; i++) from.St(i).CopyTo(X87Of(ref state, (i + from.FpuTop) & 7));
    }

    /// <summary>Takes them back.</summary>
    public static void Save(ref CpuState state, ref ProcessorImage image)
    {
        for (var i = 0; i < 16; i++)
        {
            image.Gpr[i] = state.Gpr[i];
            YmmOf(ref state, i)[..16].CopyTo(image.Xmm(i));
            YmmOf(ref state, i)[16..].CopyTo(image.YmmHigh(i));
        }

        image.Rip = state.Rip;
        image.Rflags = state.Rflags;
        for (var i = 0; i < 6; i++) image.Selectors[i] = NullAsZero(state.Segments[i].Selector);
        image.FsBase = state.Segments[SegmentRegisters.Fs].Base;
        image.GsBase = state.Segments[SegmentRegisters.Gs].Base;
        image.Mxcsr = state.Mxcsr;
        image.FpuControl = state.FpuControl;
        image.FpuStatus = state.FpuStatus;
        byte tags = 0;
        for (var i = 0; i < 8; i++)
        {
            const int empty = 3;
            if (((state.FpuTag >> (2 * i)) & 3) != empty) tags |= (byte)(1 << i);
            X87Of(ref state, (i + image.FpuTop) & 7)[..10].CopyTo(image.St(i));
        }

        image.FpuTags = tags;
    }

    /// <summary>Null selectors differ in their privilege level only, which the host does not show.</summary>
    public static ushort NullAsZero(ushort selector) => selector < 4 ? (ushort)0 : selector;

    /// <summary>Works out the two-bit tags that FXSAVE abridges (SDM vol. 1 §10.5.1.1, table 10-3).</summary>
    private static ushort FullTags(ref ProcessorImage image)
    {
        var tags = 0;
        for (var physical = 0; physical < 8; physical++)
        {
            const int valid = 0, zero = 1, special = 2, empty = 3;
            var register = image.St((physical - image.FpuTop) & 7);
            var significand = MemoryMarshal.Read<ulong>(register);
            var exponent = MemoryMarshal.Read<ushort>(register[8..]) & 0x7FFF;
            var tag = (image.FpuTags & (1 << physical)) == 0 ? empty
                : exponent == 0 && significand == 0 ? zero
                : exponent is 0 or 0x7FFF || significand >> 63 == 0 ? special
                : valid;
            tags |= tag << (2 * physical);
        }

        return (ushort)tags;
    }

    // Safe: i is below 16 and 8, the lengths of the fixed buffers; the state lives in the engine's native memory and does not move.
    private static Span<byte> YmmOf(ref CpuState state, int i) => MemoryMarshal.CreateSpan(ref state.Ymm[i * 32], 32);

    private static Span<byte> X87Of(ref CpuState state, int i) => MemoryMarshal.CreateSpan(ref state.X87[i * 16], 10);
}
