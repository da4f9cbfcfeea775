using System.Runtime.CompilerServices;

namespace Holon.X86.SoftFloat;

/// <summary>The six floating-point exceptions, at the bit positions MXCSR and the x87 status word share (SDM vol. 1 §4.9.1).</summary>
[Flags]
public enum FloatExceptions
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>IE: invalid operation.</summary>
    Invalid = 0x01,

    /// <summary>DE: a source operand was denormal.</summary>
    Denormal = 0x02,

    /// <summary>ZE: division of a finite number by zero.</summary>
    ZeroDivide = 0x04,

    /// <summary>OE: overflow.</summary>
    Overflow = 0x08,

    /// <summary>UE: underflow.</summary>
    Underflow = 0x10,

    /// <summary>PE: the result is inexact.</summary>
    Precision = 0x20,

    /// <summary>Those found before the result is computed; one that is unmasked keeps the others from being looked for.</summary>
    PreComputation = Invalid | Denormal | ZeroDivide,

    /// <summary>All six.</summary>
    All = 0x3F,
}

/// <summary>Rounding modes, numbered as MXCSR.RC, the x87 control word's RC and instruction immediates number them.</summary>
public enum RoundingMode
{
    /// <summary>To nearest, ties to even.</summary>
    NearestEven = 0,

    /// <summary>Toward −∞.</summary>
    Down = 1,

    /// <summary>Toward +∞.</summary>
    Up = 2,

    /// <summary>Toward zero.</summary>
    Zero = 3,
}

/// <summary>
/// What one floating-point instruction computes under (rounding, masks, DAZ, FTZ, x87 precision control) and the exceptions
/// it found. Made anew per instruction, shared by all elements of a packed one.
/// </summary>
public struct FloatContext
{
    private const uint DazBit = 1 << 6, RoundingMask = 3 << 13, FtzBit = 1 << 15;
    private const int MaskShift = 7, RoundingShift = 13;
    private const uint InexactIsKnown = (uint)FloatExceptions.Precision | ((uint)FloatExceptions.Precision << MaskShift);

    private uint _control; // in MXCSR's layout, with the sticky flags from before the instruction
    private FloatExceptions _found;

    private FloatContext(uint control, int precision)
    {
        _control = control;
        X87Precision = precision;
    }

    /// <summary>The context of an SSE or AVX instruction.</summary>
    /// <param name="mxcsr">MXCSR, including its sticky flags: with PE set and masked, inexactness need not be computed again.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatContext FromMxcsr(uint mxcsr) => new(mxcsr, 64);

    /// <summary>The context of an x87 instruction.</summary>
    /// <param name="control">The x87 control word (SDM vol. 1 §8.1.5).</param>
    public static FloatContext FromX87(ushort control)
    {
        // The reserved precision control 01 behaves as extended precision.
        var precision = ((control >> 8) & 3) switch { 0 => 24, 2 => 53, _ => 64 };
        return new(((control & 0x3Fu) << MaskShift) | ((control & 0xC00u) << 3), precision);
    }

    /// <summary>How results are rounded.</summary>
    public RoundingMode Rounding
    {
        readonly get => (RoundingMode)((_control & RoundingMask) >> RoundingShift);
        set => _control = (_control & ~RoundingMask) | ((uint)value << RoundingShift);
    }

    /// <summary>DAZ: denormal operands count as zero.</summary>
    public readonly bool DenormalsAreZero => (_control & DazBit) != 0;

    /// <summary>FTZ: tiny results become zero while underflow is masked.</summary>
    public readonly bool FlushToZero => (_control & FtzBit) != 0;

    /// <summary>Exceptions whose mask bit is set: they only set their flag.</summary>
    public readonly FloatExceptions Masked => (FloatExceptions)(_control >> MaskShift) & FloatExceptions.All;

    /// <summary>Significand bits that x87 precision control leaves: 24, 53 or 64.</summary>
    public int X87Precision { get; }

    /// <summary>x87 C1 after an inexact result: it was rounded away from zero.</summary>
    public bool RoundedUp { get; private set; }

    /// <summary>
    /// Exceptions this instruction reports. An unmasked pre-computation exception in any element hides the ones that only
    /// computing the results would find (SDM vol. 1 §4.9.2, §11.5.2).
    /// </summary>
    public readonly FloatExceptions Raised =>
        (_found & FloatExceptions.PreComputation & ~Masked) != 0 ? _found & FloatExceptions.PreComputation : _found;

    /// <summary>Reported exceptions that are not masked: an SSE instruction then faults with #XM and writes no result.</summary>
    public readonly FloatExceptions Unmasked => Raised & ~Masked;

    /// <summary>MXCSR after the instruction: as given to <see cref="FromMxcsr"/>, plus the sticky flags of <see cref="Raised"/>.</summary>
    public readonly uint Mxcsr => _control | (uint)Raised;

    /// <summary>Rounding is to nearest, as host arithmetic rounds: the condition of all fast paths.</summary>
    internal readonly bool IsHostRounding => (_control & RoundingMask) == 0;

    /// <summary>False when a further inexact result changes nothing: PE is sticky already and masked.</summary>
    internal readonly bool MustDetectInexact => (_control & InexactIsKnown) != InexactIsKnown;

    /// <summary>Records exceptions.</summary>
    /// <param name="exceptions">What was found.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Raise(FloatExceptions exceptions) => _found |= exceptions;

    /// <summary>True when none of <paramref name="exceptions"/> would fault.</summary>
    /// <param name="exceptions">The exceptions in question.</param>
    internal readonly bool IsMasked(FloatExceptions exceptions) => (exceptions & ~Masked) == 0;

    /// <summary>All that was found, hidden or not.</summary>
    internal readonly FloatExceptions Found => _found;

    /// <summary>The context VCVTPS2PH rounds under: its own rounding mode, and FTZ ignored.</summary>
    internal readonly FloatContext ForHalfResult(RoundingMode mode) =>
        new((_control & ~(FtzBit | RoundingMask)) | ((uint)mode << RoundingShift), X87Precision);

    internal void RaiseInexact(bool roundedUp)
    {
        _found |= FloatExceptions.Precision;
        RoundedUp = roundedUp;
    }
}
