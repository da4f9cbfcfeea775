using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Holon.X86;
using Holon.X86.SoftFloat;

namespace Holon.Interpreter;

// Which vector units the guest has switched on, and what MMX and SSE instructions share.
public sealed unsafe partial class Interpreter
{
    private const ushort FpuErrorSummary = 1 << 7, FpuTop = 7 << 11;

    private VectorUnits _vectorUnits;

    /// <summary>Vector instructions that the guest may use now.</summary>
    [Flags]
    private enum VectorUnits : byte
    {
        None = 0,
        Mmx = 1,
        Sse = 2,
        Avx = 4,
    }

    /// <summary>Raises #UD or #NM unless SSE instructions are enabled (SDM vol. 3 §14.1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void RequireSse()
    {
        if ((_vectorUnits & VectorUnits.Sse) == 0) RaiseVectorUnavailable(VectorUnits.Sse);
    }

    /// <summary>Raises #UD or #NM unless AVX instructions are enabled (SDM vol. 1 §14.3, vol. 3 §14.5).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void RequireAvx()
    {
        if ((_vectorUnits & VectorUnits.Avx) == 0) RaiseVectorUnavailable(VectorUnits.Avx);
    }

    /// <summary>Raises #UD, #NM or #MF unless MMX instructions can execute (SDM vol. 3 §13.1, table 13-1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void RequireMmx()
    {
        if ((_vectorUnits & VectorUnits.Mmx) == 0) RaiseVectorUnavailable(VectorUnits.Mmx);
        if ((_context->State.FpuStatus & FpuErrorSummary) != 0) Raise(ExceptionVector.FloatingPoint, 0);
    }

    /// <summary>What every MMX instruction but EMMS does to the x87 state beside its result (SDM vol. 1 §9.6.2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void EnterMmx()
    {
        _context->State.FpuTag = 0;
        ClearFpuTop();
    }

    /// <summary>Makes R0 the top of the x87 stack.</summary>
    internal void ClearFpuTop() => _context->State.FpuStatus &= unchecked((ushort)~FpuTop);

    /// <summary>Writes an MMX register, by byte offset: the 16 bits of sign and exponent become ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void SetMm(ushort offset, ulong value)
    {
        Slot<ulong>(offset) = value;
        Slot<ushort>((ushort)(offset + 8)) = 0xFFFF;
        EnterMmx();
    }

    /// <summary>Writes an XMM register and clears the upper half of its YMM register, as VEX-encoded instructions do.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void SetXmmZeroUpper(ushort offset, Vector128<byte> value) => Ymm(offset) = value.ToVector256();

    /// <summary>Reads a memory operand that must be aligned to 16 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Vector128<byte> ReadAligned(Op* op)
    {
        var address = Address(op, 16);
        if ((address & 15) != 0) RaiseGp();
        return Read<Vector128<byte>>(address);
    }

    /// <summary>Reads an element that need not be aligned even when alignment is checked.</summary>
    internal T ReadElement<T>(ulong linear)
        where T : unmanaged
    {
        if (!_alignmentChecks || (linear & (ulong)(sizeof(T) - 1)) == 0) return Read<T>(linear);
        T value = default;
        for (var i = 0; i < sizeof(T); i++) ((byte*)&value)[i] = Read<byte>(linear + (ulong)i);
        return value;
    }

    /// <summary>Writes an element that need not be aligned even when alignment is checked.</summary>
    internal void WriteElement<T>(ulong linear, T value)
        where T : unmanaged
    {
        if (!_alignmentChecks || sizeof(T) > 8 || (linear & (ulong)(sizeof(T) - 1)) == 0)
        {
            Write(linear, value);
            return;
        }

        ProbeWrite(linear, 1);
        ProbeWrite(Math.Max(linear, (linear + (ulong)(sizeof(T) - 1)) & ~0xFFFul), 1);
        for (var i = 0; i < sizeof(T); i++) Write(linear + (ulong)i, ((byte*)&value)[i]);
    }

    /// <summary>Raises #AC for an operand that is not even aligned to four bytes, when that is checked; else #GP(0).</summary>
    [DoesNotReturn]
    internal void RaiseMisalignedState(ulong linear)
    {
        if (_alignmentChecks && (linear & 3) != 0) Raise(ExceptionVector.AlignmentCheck, 0);
        RaiseGp();
    }

    /// <summary>The linear address of an op's memory operand moved by a number of bytes: for gathers and masked moves.</summary>
    internal ulong AddressAt(Op* op, ulong distance, int size, bool write = false)
    {
        var address = Reg<ulong>(op->Base) + (Reg<ulong>(op->Index) << op->Scale) + (ulong)op->Displacement + distance;
        return op->AddressForm == AddressForm.Flat64 ? address : SegmentedAddress(op, address, size, write);
    }

    /// <summary>
    /// Reports what a floating-point instruction found: sets flags in MXCSR and raises #XM, or #UD where the system does not take #XM.
    /// To be called before the result is written.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Report(in FloatContext context)
    {
        _context->State.Mxcsr = context.Mxcsr;
        if (context.Unmasked != FloatExceptions.None) RaiseFloat();
    }

    [DoesNotReturn]
    private void RaiseFloat() =>
        Raise((State.Cr4 & Cr4.Osxmmexcpt) != 0 ? ExceptionVector.SimdFloatingPoint : ExceptionVector.InvalidOpcode, 0);

    /// <summary>Works out which vector units are on, from CR0, CR4, XCR0 and the mode.</summary>
    internal void UpdateVectorUnits()
    {
        _vectorUnits = VectorUnits.None;
        if ((State.Cr0 & Cr0.TS) != 0) return;
        if ((State.Cr0 & Cr0.EM) == 0) _vectorUnits |= HasOsSse ? VectorUnits.Mmx | VectorUnits.Sse : VectorUnits.Mmx;
        if (HasOsAvx) _vectorUnits |= VectorUnits.Avx;
    }

    private bool HasOsSse => (State.Cr4 & Cr4.Osfxsr) != 0;

    private bool HasOsAvx => ProtectedMode && (State.Cr4 & Cr4.Osxsave) != 0 && (State.Xcr0 & 6) == 6;

    [DoesNotReturn]
    private void RaiseVectorUnavailable(VectorUnits unit)
    {
        var absent = unit switch
        {
            VectorUnits.Mmx => (State.Cr0 & Cr0.EM) != 0,
            VectorUnits.Sse => (State.Cr0 & Cr0.EM) != 0 || !HasOsSse,
            _ => !HasOsAvx,
        };
        Raise(absent ? ExceptionVector.InvalidOpcode : ExceptionVector.DeviceNotAvailable, 0);
    }
}
