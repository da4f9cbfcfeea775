using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Holon.X86;

namespace Holon.Interpreter;

// Registers by byte offset, status flags kept lazily.
public sealed unsafe partial class Interpreter
{
    /// <summary>A register as a value of some width.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal T Reg<T>(ushort offset)
        where T : unmanaged => *(T*)((byte*)_context + offset);

    /// <summary>Writes a general register; a 32-bit write clears the upper half (SDM vol. 1 §3.4.1.1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void SetReg<T>(ushort offset, T value)
        where T : unmanaged
    {
        if (typeof(T) == typeof(uint)) *(ulong*)((byte*)_context + offset) = Unsafe.BitCast<T, uint>(value);
        else *(T*)((byte*)_context + offset) = value;
    }

    /// <summary>A reference to any part of the state, by byte offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ref T Slot<T>(ushort offset)
        where T : unmanaged => ref *(T*)((byte*)_context + offset);

    /// <summary>A general register by encoding number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ref ulong Gpr(int number) => ref _context->State.Gpr[number];

    /// <summary>The linear address of an op's memory operand.</summary>
    /// <param name="op">The op.</param>
    /// <param name="size">Bytes accessed, for the segment limit.</param>
    /// <param name="write">The access writes, for the segment's type.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong Address(Op* op, int size, bool write = false)
    {
        var address = Reg<ulong>(op->Base) + (Reg<ulong>(op->Index) << op->Scale) + (ulong)op->Displacement;
        return op->AddressForm == AddressForm.Flat64 ? address : SegmentedAddress(op, address, size, write);
    }

    /// <summary>The offset part of an op's memory operand, without segment: what LEA gives.</summary>
    internal ulong EffectiveAddress(Op* op)
    {
        var address = Reg<ulong>(op->Base) + (Reg<ulong>(op->Index) << op->Scale) + (ulong)op->Displacement;
        return op->AddressForm switch
        {
            AddressForm.Truncated64 or AddressForm.Segmented32 => (uint)address,
            AddressForm.Segmented16 => (ushort)address,
            _ => address,
        };
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong SegmentedAddress(Op* op, ulong address, int size, bool write) => op->AddressForm switch
    {
        AddressForm.Based64 => address + State.Segments[op->Segment].Base,
        AddressForm.Truncated64 => (uint)address + (op->Segment >= SegmentRegisters.Fs ? State.Segments[op->Segment].Base : 0),
        AddressForm.Segmented32 => Linear(op->Segment, (uint)address, size, write),
        AddressForm.Segmented16 => Linear(op->Segment, (ushort)address, size, write),
        _ => address,
    };

    /// <summary>
    /// Linear address of an offset in a segment, with the checks of the mode (SDM vol. 3 §5.3, §5.4). In 64-bit mode only FS and GS have a base.
    /// </summary>
    internal ulong Linear(int segment, ulong offset, int size, bool write)
    {
        ref var register = ref State.Segments[segment];
        if (Code64) return segment >= SegmentRegisters.Fs ? register.Base + offset : offset;

        if (!IsWithin(register, offset, (ulong)size, write)) Raise(segment == SegmentRegisters.Ss ? ExceptionVector.StackFault : ExceptionVector.GeneralProtection, 0);
        return (uint)(register.Base + offset);
    }

    /// <summary>Whether all bytes of a range that does not wrap may be reached through a segment.</summary>
    internal bool IsWithinSegment(int segment, ulong offset, ulong bytes, bool write) => Code64 || IsWithin(State.Segments[segment], offset, bytes, write);

    private bool IsWithin(in Segment register, ulong offset, ulong bytes, bool write)
    {
        var last = offset + bytes - 1;
        var good = register.IsExpandDown
            ? offset > register.Limit && last <= (register.IsBig ? 0xFFFFFFFF : 0xFFFFu)
            : last <= register.Limit;
        return good && (!ProtectedMode || (register.IsUsable && (write ? register.IsWritable : register.IsReadable)));
    }

    /// <summary>RFLAGS with the status flags worked out.</summary>
    internal ulong GetRflags() => (State.Rflags & ~Rflags.Status)
        | (CarryFlag ? Rflags.CF : 0) | (ParityFlag ? Rflags.PF : 0) | (AuxiliaryFlag ? Rflags.AF : 0)
        | (ZeroFlag ? Rflags.ZF : 0) | (SignFlag ? Rflags.SF : 0) | (OverflowFlag ? Rflags.OF : 0);

    /// <summary>Sets the status flags from an RFLAGS image.</summary>
    internal void LoadStatusFlags(ulong flags)
    {
        var parity = (flags & Rflags.PF) != 0 ? 0L : 1L; // a low byte of 0 is even, of 1 odd
        _context->FlagSign = (flags & Rflags.SF) != 0 ? long.MinValue + parity : parity;
        _context->FlagZero = (flags & Rflags.ZF) != 0 ? 0ul : 1ul;
        var carry = (flags & Rflags.CF) != 0;
        var overflow = (flags & Rflags.OF) != 0;
        _context->FlagCarry = (carry ? long.MinValue : 0L) | (carry != overflow ? 1L << 62 : 0L) | ((flags & Rflags.AF) != 0 ? 8L : 0L);
    }

    internal bool CarryFlag
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _context->FlagCarry < 0;
        set
        {
            // Flipping both top bits changes CF and keeps OF.
            if (value != CarryFlag) _context->FlagCarry ^= 3L << 62;
        }
    }

    internal bool OverflowFlag
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (_context->FlagCarry ^ (_context->FlagCarry << 1)) < 0;
        set
        {
            if (value != OverflowFlag) _context->FlagCarry ^= 1L << 62;
        }
    }

    internal bool ZeroFlag
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _context->FlagZero == 0;
        set => _context->FlagZero = value ? 0ul : 1ul;
    }

    internal bool SignFlag
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _context->FlagSign < 0;
    }

    internal bool ParityFlag => (BitOperations.PopCount((byte)_context->FlagSign) & 1) == 0;

    internal bool AuxiliaryFlag => (_context->FlagCarry & 8) != 0;

    /// <summary>SF, ZF and PF from a result; the carries given as a vector of the carry out of each bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void SetFlags<T>(T result, T carries)
        where T : unmanaged, IBinaryInteger<T>
    {
        var sign = SignExtend(result);
        _context->FlagSign = sign;
        _context->FlagZero = (ulong)sign;
        var vector = ulong.CreateTruncating(carries);
        _context->FlagCarry = (long)((vector << (64 - (8 * sizeof(T)))) | (vector & 8));
    }

    /// <summary>SF, ZF and PF from a result; CF, OF and AF cleared.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void SetFlagsLogic<T>(T result)
        where T : unmanaged, IBinaryInteger<T>
    {
        var sign = SignExtend(result);
        _context->FlagSign = sign;
        _context->FlagZero = (ulong)sign;
        _context->FlagCarry = 0;
    }

    /// <summary>SF, ZF and PF from a result, CF and OF given, AF cleared.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void SetFlags<T>(T result, bool carry, bool overflow)
        where T : unmanaged, IBinaryInteger<T>
    {
        var sign = SignExtend(result);
        _context->FlagSign = sign;
        _context->FlagZero = (ulong)sign;
        _context->FlagCarry = (carry ? long.MinValue : 0) | (carry != overflow ? 1L << 62 : 0);
    }

    /// <summary>An unsigned value of some width, sign-extended to 64 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static long SignExtend<T>(T value)
        where T : unmanaged
    {
        if (sizeof(T) == 1) return Unsafe.BitCast<T, sbyte>(value);
        if (sizeof(T) == 2) return Unsafe.BitCast<T, short>(value);
        if (sizeof(T) == 4) return Unsafe.BitCast<T, int>(value);
        return Unsafe.BitCast<T, long>(value);
    }

    /// <summary>XMM register (or the low half of a YMM register) by byte offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ref Vector128<byte> Xmm(ushort offset) => ref *(Vector128<byte>*)((byte*)_context + offset);

    /// <summary>YMM register by byte offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ref Vector256<byte> Ymm(ushort offset) => ref *(Vector256<byte>*)((byte*)_context + offset);
}
