using System.Runtime.Intrinsics;
using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions.Vector;

/// <summary>An operation whose result is wider than its source.</summary>
internal interface IWidening : IVectorOperation
{
    /// <summary>Source bytes for a 128-bit result.</summary>
    static abstract int SourceBytes { get; }
}

/// <summary>PMOVSX, PMOVZX and CVTDQ2PD: elements from the low part of the source, each made wider.</summary>
internal static unsafe class Widening
{
    public static void Declare(InstructionTable table)
    {
        Row<WidenOnce<sbyte>>(table, Mnemonic.Pmovsxbw, Mnemonic.Vpmovsxbw);
        Row<WidenTwice<WidenOnce<sbyte>, WidenOnce<short>>>(table, Mnemonic.Pmovsxbd, Mnemonic.Vpmovsxbd);
        Row<WidenTwice<WidenTwice<WidenOnce<sbyte>, WidenOnce<short>>, WidenOnce<int>>>(table, Mnemonic.Pmovsxbq, Mnemonic.Vpmovsxbq);
        Row<WidenOnce<short>>(table, Mnemonic.Pmovsxwd, Mnemonic.Vpmovsxwd);
        Row<WidenTwice<WidenOnce<short>, WidenOnce<int>>>(table, Mnemonic.Pmovsxwq, Mnemonic.Vpmovsxwq);
        Row<WidenOnce<int>>(table, Mnemonic.Pmovsxdq, Mnemonic.Vpmovsxdq);
        Row<WidenOnce<byte>>(table, Mnemonic.Pmovzxbw, Mnemonic.Vpmovzxbw);
        Row<WidenTwice<WidenOnce<byte>, WidenOnce<ushort>>>(table, Mnemonic.Pmovzxbd, Mnemonic.Vpmovzxbd);
        Row<WidenTwice<WidenTwice<WidenOnce<byte>, WidenOnce<ushort>>, WidenOnce<uint>>>(table, Mnemonic.Pmovzxbq, Mnemonic.Vpmovzxbq);
        Row<WidenOnce<ushort>>(table, Mnemonic.Pmovzxwd, Mnemonic.Vpmovzxwd);
        Row<WidenTwice<WidenOnce<ushort>, WidenOnce<uint>>>(table, Mnemonic.Pmovzxwq, Mnemonic.Vpmovzxwq);
        Row<WidenOnce<uint>>(table, Mnemonic.Pmovzxdq, Mnemonic.Vpmovzxdq);
        Row<Cvtdq2pd>(table, Mnemonic.Cvtdq2pd, Mnemonic.Vcvtdq2pd);
    }

    private static void Row<TOp>(InstructionTable table, Mnemonic sse, Mnemonic vex)
        where TOp : struct, IWidening
    {
        table.Add(sse, &Bind<TOp>);
        table.Add(vex, &Bind<TOp>);
    }

    private static Handler Bind<TOp>(in Instruction instruction, Op* op)
        where TOp : struct, IWidening
    {
        if (!instruction.Op0Register.IsYMM()) return PackedForms.Bind<TOp>(instruction, op);
        VectorOperands.Arrange(instruction, op);
        if (!VectorOperands.HasMemory(instruction)) return &Execute256<TOp, RegisterSource>;
        return TOp.SourceBytes switch
        {
            2 => &Execute256<TOp, MemorySource<uint>>,
            4 => &Execute256<TOp, MemorySource<ulong>>,
            _ => &Execute256<TOp, MemorySource<Vector128<byte>>>,
        };
    }

    private static Op* Execute256<TOp, TSource>(Interpreter cpu, Op* op)
        where TOp : struct, IWidening
        where TSource : struct, IVectorSource
    {
        cpu.RequireAvx();
        var source = TSource.Load(cpu, op);
        var rest = Vector128.Shuffle(source, ShuffleControls.Identity + Vector128.Create((byte)TOp.SourceBytes));
        cpu.Ymm(op->Reg0) = Vector256.Create(TOp.Apply(default, source, 0), TOp.Apply(default, rest, 0));
        return op + 1;
    }
}

/// <summary>To twice the width, extended as the type's sign says.</summary>
internal readonly struct WidenOnce<T> : IWidening
{
    public static int SourceBytes => 8;

    public static int MemoryBytes => SourceBytes;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate)
    {
        if (typeof(T) == typeof(byte)) return Vector128.WidenLower(b).AsByte();
        if (typeof(T) == typeof(sbyte)) return Vector128.WidenLower(b.AsSByte()).AsByte();
        if (typeof(T) == typeof(ushort)) return Vector128.WidenLower(b.AsUInt16()).AsByte();
        if (typeof(T) == typeof(short)) return Vector128.WidenLower(b.AsInt16()).AsByte();
        if (typeof(T) == typeof(uint)) return Vector128.WidenLower(b.AsUInt32()).AsByte();
        return Vector128.WidenLower(b.AsInt32()).AsByte();
    }
}

internal readonly struct WidenTwice<TFirst, TSecond> : IWidening
    where TFirst : struct, IWidening
    where TSecond : struct, IWidening
{
    public static int SourceBytes => TFirst.SourceBytes / 2;

    public static int MemoryBytes => SourceBytes;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) => TSecond.Apply(default, TFirst.Apply(default, b, 0), 0);
}

/// <summary>Two 32-bit integers to doubles, which hold them exactly.</summary>
internal readonly struct Cvtdq2pd : IWidening
{
    public static int SourceBytes => 8;

    public static int MemoryBytes => SourceBytes;

    public static Vector128<byte> Apply(Vector128<byte> a, Vector128<byte> b, int immediate) =>
        Vector128.ConvertToDouble(Vector128.WidenLower(b.AsInt32())).AsByte();
}
