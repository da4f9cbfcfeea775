using Holon.X86.SoftFloat;

namespace Holon.Interpreter.Instructions;

/// <content>Memory operands in their formats, and whether an instruction pops.</content>
internal static unsafe partial class X87Instructions
{
    private interface ISource<T>
        where T : unmanaged
    {
        static abstract Unpacked Unpack(T value);
    }

    private readonly struct FromFloat32 : ISource<float>
    {
        public static Unpacked Unpack(float value) => Unpacked.FromSingle(BitConverter.SingleToUInt32Bits(value));
    }

    private readonly struct FromFloat64 : ISource<double>
    {
        public static Unpacked Unpack(double value) => Unpacked.FromDouble(BitConverter.DoubleToUInt64Bits(value));
    }

    private readonly struct FromInt16 : ISource<short>
    {
        public static Unpacked Unpack(short value) => Unpacked.FromInt64(value);
    }

    private readonly struct FromInt32 : ISource<int>
    {
        public static Unpacked Unpack(int value) => Unpacked.FromInt64(value);
    }

    private readonly struct Pops : IFlag
    {
        public static bool Value => true;
    }

    private readonly struct Keeps : IFlag
    {
        public static bool Value => false;
    }
}
