using Holon.Jvm.ClassFile;
using static Holon.Jvm.Interpreter.BytecodeReader;

namespace Holon.Jvm.Verifier;

/// <summary>The code of a method under verification, with the static constraints on it as a whole (JVMS §4.9.1).</summary>
internal sealed class MethodCode
{
    public readonly MethodInfo Method;
    public readonly CodeInfo Info;
    public readonly byte[] Bytes;
    public readonly ConstantPool Pool;
    public readonly TypeRules Rules;
    public readonly int Version;

    /// <summary>By bytecode index: whether an instruction begins there.</summary>
    private readonly bool[] _starts;

    public MethodCode(MethodInfo method, TypeRules rules)
    {
        Method = method;
        Info = method.Code!;
        Bytes = Info.Bytes;
        Rules = rules;
        Pool = rules.Current.Pool;
        Version = rules.Current.File!.MajorVersion;
        _starts = new bool[Bytes.Length];
    }

    public bool IsStart(int bci) => (uint)bci < (uint)_starts.Length && _starts[bci];

    public bool IsConstructor => Method.Name == "<init>";

    public string ClassName => Rules.Current.File!.Name;

    /// <summary>Finds the instructions; one that is unknown or cut off by the end is refused.</summary>
    public void FindInstructions()
    {
        for (var i = 0; i < Bytes.Length;)
        {
            var length = LengthWithin(Bytes, i);
            if (length <= 0 || length > Bytes.Length - i) throw new BadInstruction(i);
            _starts[i] = true;
            i += length;
        }
    }

    /// <summary>The instruction's place is needed for the message.</summary>
    internal sealed class BadInstruction(int at) : Exception
    {
        public int At => at;
    }

    private static int LengthWithin(byte[] code, int at)
    {
        int op = code[at];
        switch (op)
        {
            case > 201:
                return 0;
            case 196:
                return at + 1 >= code.Length ? 0 : code[at + 1] switch
                {
                    132 => 6,
                    (>= 21 and <= 25) or (>= 54 and <= 58) or 169 => 4,
                    _ => 0,
                };
            case 170:
                if (Align(at) + 12 > code.Length) return 0;
                var span = (long)S4(code, Align(at) + 8) - S4(code, Align(at) + 4) + 1;
                return span is < 0 or > 65536 ? 0 : (int)(Align(at) + 12 + span * 4 - at);
            case 171:
                if (Align(at) + 8 > code.Length) return 0;
                var pairs = S4(code, Align(at) + 4);
                return pairs is < 0 or > 65536 ? 0 : Align(at) + 8 + pairs * 8 - at;
            default:
                return Length(code, at);
        }
    }

    /// <summary>Ranges and handlers begin at instructions, and what is caught can be thrown.</summary>
    public void CheckHandlers()
    {
        foreach (var handler in Info.Handlers)
        {
            if (!IsStart(handler.Start)) throw VerifyFailure.Format($"Illegal exception table start_pc {handler.Start}");
            if (handler.End != Bytes.Length && !IsStart(handler.End)) throw VerifyFailure.Format($"Illegal exception table end_pc {handler.End}");
            if (!IsStart(handler.Handler)) throw VerifyFailure.Format($"Illegal exception table handler_pc {handler.Handler}");
            if (handler.CatchType == 0) continue;
            var type = VType.Of(Pool.ClassName(handler.CatchType));
            if (!Rules.IsAssignable(type, VType.Throwable)) throw new VerifyFailure($"Catch type is not a subclass of Throwable in exception handler {handler.Handler}", $"Type {type} (constant pool {handler.CatchType}) is not assignable to {VType.Throwable} (throwable)");
        }
    }

    public void CheckLocalVariables()
    {
        foreach (var (start, length, _, _, _) in Info.LocalVariables)
        {
            if (!IsStart(start)) throw VerifyFailure.Format($"Illegal local variable table start_pc {start}");
            if (start + length != Bytes.Length && !IsStart(start + length)) throw VerifyFailure.Format($"Illegal local variable table length {length}");
        }
    }

    public TypeFrame FirstFrame()
    {
        var frame = new TypeFrame(new VType[Info.MaxLocals], Info.MaxStack);
        var slot = 0;
        if ((Method.Flags & Acc.Static) == 0)
        {
            frame.ThisUninitialized = IsConstructor && ClassName != "java/lang/Object";
            frame.Locals[slot++] = frame.ThisUninitialized ? VType.UninitializedThis : Rules.CurrentType;
        }
        foreach (var parameter in Descriptor.Parse(Method.Descriptor).Parameters)
        {
            var type = VType.OfDescriptor(parameter);
            frame.Locals[slot++] = type;
            if (type.IsWide) frame.Locals[slot++] = type.High;
        }
        frame.Named = slot;
        return frame;
    }
}
