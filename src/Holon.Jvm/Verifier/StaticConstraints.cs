using Holon.Jvm.ClassFile;
using static Holon.Jvm.Interpreter.BytecodeReader;

namespace Holon.Jvm.Verifier;

/// <summary>Constraints on operands (JVMS §4.9.1) for the older verifier, which asks them of code that is never reached too.</summary>
internal sealed partial class InstructionChecker
{
    public void CheckOperands(int bci)
    {
        _at = bci;
        int op = _bytes[bci];
        switch (op)
        {
            case 18:
                ConstantType(_bytes[bci + 1], false);
                break;
            case 19 or 20:
                ConstantType(U2(_bytes, bci + 1), op == 20);
                break;
            case (>= 21 and <= 25) or (>= 54 and <= 58):
                CheckLocal(_bytes[bci + 1], (op <= 25 ? op - 21 : op - 54) is 1 or 3);
                break;
            case (>= 26 and <= 45) or (>= 59 and <= 78):
                var which = op <= 45 ? op - 26 : op - 59;
                CheckLocal(which % 4, which / 4 is 1 or 3);
                break;
            case 132 or 169:
                CheckLocal(_bytes[bci + 1], false);
                break;
            case >= 178 and <= 181:
                if (Tag(U2(_bytes, bci + 1)) != CpTag.Fieldref) throw BadTag(U2(_bytes, bci + 1));
                break;
            case >= 182 and <= 186:
                CheckMethodOperands(op);
                break;
            case 187:
                if (ClassAt(U2(_bytes, bci + 1)).IsArray) throw new VerifyFailure("Illegal new instruction") { OldMessage = "Illegal creation of array" };
                break;
            case 188:
                if (_bytes[bci + 1] is < 4 or > 11) throw new VerifyFailure("Illegal newarray instruction") { OldMessage = "Bad type passed to newarray" };
                break;
            case 189 or 192 or 193:
                ClassAt(U2(_bytes, bci + 1));
                break;
            case 196:
                CheckLocal(U2(_bytes, bci + 2), _bytes[bci + 1] is 22 or 24 or 55 or 57);
                break;
            case 197:
                if (_bytes[bci + 3] < 1 || Dimensions(ClassAt(U2(_bytes, bci + 1)).Name!) < _bytes[bci + 3]) throw new VerifyFailure("Illegal dimension argument");
                break;
        }
    }

    private void CheckLocal(int index, bool wide)
    {
        if (index + (wide ? 2 : 1) > code.Info.MaxLocals) throw new VerifyFailure("Illegal local variable number");
    }

    /// <summary>What an invocation names: its name and descriptor, after checks of its operands.</summary>
    private (string? Owner, string Name, string Descriptor) CheckMethodOperands(int op)
    {
        var index = U2(_bytes, _at + 1);
        var tag = Tag(index);
        var good = op switch
        {
            182 => tag == CpTag.Methodref,
            183 or 184 => tag == CpTag.Methodref || tag == CpTag.InterfaceMethodref && code.Version >= 52,
            185 => tag == CpTag.InterfaceMethodref,
            _ => tag == CpTag.InvokeDynamic,
        };
        if (!good) throw BadTag(index);
        var (name, descriptor) = _pool.NameAndType(_pool.Entries[index].B);
        if (name[0] == '<' && (op != 183 || name != "<init>")) throw new VerifyFailure("Illegal call to internal method") { OldMessage = "Must call initializers using invokespecial" };
        if (op == 185)
        {
            if (_bytes[_at + 3] != Descriptor.ParameterSlots(descriptor) + 1) throw new VerifyFailure("Inconsistent args count operand in invokeinterface") { OldMessage = "Inconsistent args size" };
            if (_bytes[_at + 4] != 0) throw new VerifyFailure("Fourth operand byte of invokeinterface must be zero");
        }
        if (op == 186 && (_bytes[_at + 3] != 0 || _bytes[_at + 4] != 0)) throw new VerifyFailure("Third and fourth operand bytes of invokedynamic must be zero");
        return (op == 186 ? null : _pool.ClassName(_pool.Entries[index].A), name, descriptor);
    }
}
