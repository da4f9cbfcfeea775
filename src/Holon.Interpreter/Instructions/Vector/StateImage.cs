using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>
/// The memory image of FXSAVE and XSAVE (SDM vol. 1 §10.5, §13.4). Filled and taken apart here, copied from and to the guest elsewhere.
/// </summary>
internal static unsafe class StateImage
{
    /// <summary>Sizes and places in bytes.</summary>
    public const int LegacySize = 512, HeaderSize = 64, AvxSize = 256, AvxOffset = LegacySize + HeaderSize, MaxSize = AvxOffset + AvxSize;

    /// <summary>Places in the legacy region.</summary>
    public const int MxcsrOffset = 24, X87Registers = 32, XmmRegisters = 160;

    /// <summary>State components, by their bits in XCR0.</summary>
    public const ulong X87 = 1, Sse = 2, Avx = 4;

    /// <summary>What MXCSR is initially.</summary>
    public const uint InitialMxcsr = 0x1F80;

    private const uint MxcsrMask = 0xFFFF;
    private const ushort InitialControl = 0x37F;

    /// <summary>Components that are not in their initial configuration (XINUSE).</summary>
    public static ulong InUse(Interpreter cpu)
    {
        ref var state = ref cpu.State;
        var x87 = state.FpuControl != InitialControl || state.FpuStatus != 0 || state.FpuTag != 0xFFFF || state.FpuOpcode != 0
            || state.FpuInstructionPointer != 0 || state.FpuDataPointer != 0;
        for (var i = 0; i < 8 && !x87; i++) x87 = cpu.Xmm(X87Register(i)) != Vector128<byte>.Zero;
        Vector128<byte> low = default, high = default;
        for (var i = 0; i < 16; i++)
        {
            low |= cpu.Ymm(YmmRegister(i)).GetLower();
            high |= cpu.Ymm(YmmRegister(i)).GetUpper();
        }

        return (x87 ? X87 : 0) | (low != Vector128<byte>.Zero ? Sse : 0) | (high != Vector128<byte>.Zero ? Avx : 0);
    }

    /// <summary>Writes the x87 part: all but MXCSR of the first 160 bytes.</summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="image">The image.</param>
    /// <param name="wide">REX.W: 64-bit pointers without selectors.</param>
    public static void SaveX87(Interpreter cpu, Span<byte> image, bool wide)
    {
        ref var state = ref cpu.State;
        Put(image, 0, state.FpuControl);
        Put(image, 2, state.FpuStatus);
        Put(image, 4, (ushort)AbridgedTags(state.FpuTag));
        Put(image, 6, state.FpuOpcode);
        // The selectors are saved as zeros: CPUID says that they are deprecated.
        Put(image, 8, wide ? state.FpuInstructionPointer : (uint)state.FpuInstructionPointer);
        Put(image, 16, wide ? state.FpuDataPointer : (uint)state.FpuDataPointer);
        var top = Top(state.FpuStatus);
        for (var i = 0; i < 8; i++)
        {
            var register = X87Register((top + i) & 7);
            Put(image, X87Registers + (16 * i), cpu.Slot<ulong>(register));
            Put<ulong>(image, X87Registers + (16 * i) + 8, cpu.Slot<ushort>((ushort)(register + 8)));
        }
    }

    public static void SaveMxcsr(Interpreter cpu, Span<byte> image)
    {
        Put(image, MxcsrOffset, cpu.State.Mxcsr);
        Put(image, MxcsrOffset + 4, MxcsrMask);
    }

    public static void SaveXmm(Interpreter cpu, Span<byte> image)
    {
        for (var i = 0; i < Registers(cpu); i++) Put(image, XmmRegisters + (16 * i), cpu.Xmm(YmmRegister(i)));
    }

    public static void SaveAvx(Interpreter cpu, Span<byte> image)
    {
        for (var i = 0; i < Registers(cpu); i++) Put(image, AvxOffset + (16 * i), cpu.Xmm(UpperHalf(i)));
    }

    public static void LoadX87(Interpreter cpu, ReadOnlySpan<byte> image, bool wide)
    {
        ref var state = ref cpu.State;
        state.FpuControl = (ushort)((Get<ushort>(image, 0) & 0x1F3F) | 0x40);
        var status = Get<ushort>(image, 2);
        // The summary and busy bits are what the flags and masks make them.
        state.FpuStatus = (ushort)((status & 0x7F7F) | ((status & ~state.FpuControl & 0x3F) != 0 ? 0x8080 : 0));
        state.FpuOpcode = (ushort)(Get<ushort>(image, 6) & 0x7FF);
        state.FpuInstructionPointer = wide ? Get<ulong>(image, 8) : Get<uint>(image, 8);
        state.FpuDataPointer = wide ? Get<ulong>(image, 16) : Get<uint>(image, 16);
        var top = Top(status);
        for (var i = 0; i < 8; i++)
        {
            var register = X87Register((top + i) & 7);
            cpu.Slot<ulong>(register) = Get<ulong>(image, X87Registers + (16 * i));
            cpu.Slot<ulong>((ushort)(register + 8)) = Get<ushort>(image, X87Registers + (16 * i) + 8);
        }

        state.FpuTag = FullTags(cpu, image[4]);
    }

    public static void InitializeX87(Interpreter cpu)
    {
        ref var state = ref cpu.State;
        state.FpuControl = InitialControl;
        state.FpuTag = 0xFFFF;
        state.FpuStatus = state.FpuOpcode = 0;
        state.FpuInstructionPointer = state.FpuDataPointer = 0;
        for (var i = 0; i < 8; i++) cpu.Xmm(X87Register(i)) = default;
    }

    /// <summary>Loads XMM registers, or clears them when the image is empty.</summary>
    public static void LoadXmm(Interpreter cpu, ReadOnlySpan<byte> image)
    {
        for (var i = 0; i < Registers(cpu); i++) cpu.Xmm(YmmRegister(i)) = image.IsEmpty ? default : Get<Vector128<byte>>(image, XmmRegisters + (16 * i));
    }

    /// <summary>Loads the upper halves of YMM registers, or clears them when the image is empty.</summary>
    public static void LoadAvx(Interpreter cpu, ReadOnlySpan<byte> image)
    {
        for (var i = 0; i < Registers(cpu); i++) cpu.Xmm(UpperHalf(i)) = image.IsEmpty ? default : Get<Vector128<byte>>(image, AvxOffset + (16 * i));
    }

    public static T Get<T>(ReadOnlySpan<byte> image, int offset)
        where T : unmanaged => MemoryMarshal.Read<T>(image[offset..]);

    public static void Put<T>(Span<byte> image, int offset, T value)
        where T : unmanaged => MemoryMarshal.Write(image[offset..], value);

    /// <summary>One bit for each register that is not empty.</summary>
    private static byte AbridgedTags(ushort tags)
    {
        var bits = 0;
        for (var i = 0; i < 8; i++) bits |= (tags >> (2 * i) & 3) != 3 ? 1 << i : 0;
        return (byte)bits;
    }

    /// <summary>Tags from one bit for each register and from what they hold (SDM vol. 2, FXSAVE, table 3-46).</summary>
    private static ushort FullTags(Interpreter cpu, byte abridged)
    {
        var tags = 0;
        for (var i = 0; i < 8; i++)
        {
            var significand = cpu.Slot<ulong>(X87Register(i));
            var exponent = cpu.Slot<ushort>((ushort)(X87Register(i) + 8)) & 0x7FFF;
            var tag = (abridged >> i & 1) == 0 ? 3
                : exponent == 0 && significand == 0 ? 1
                : exponent is 0 or 0x7FFF || (long)significand >= 0 ? 2
                : 0;
            tags |= tag << (2 * i);
        }

        return (ushort)tags;
    }

    private static int Top(ushort status) => status >> 11 & 7;

    /// <summary>Vector registers that the mode can name.</summary>
    private static int Registers(Interpreter cpu) => cpu.Code64 ? 16 : 8;

    private static ushort X87Register(int number) => (ushort)(StateOffsets.X87 + (16 * number));

    private static ushort YmmRegister(int number) => (ushort)(StateOffsets.Ymm + (32 * number));

    private static ushort UpperHalf(int number) => (ushort)(YmmRegister(number) + 16);
}
