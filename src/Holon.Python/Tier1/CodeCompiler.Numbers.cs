using System.Reflection.Emit;

namespace Holon.Python.Tier1;

/// <summary>Arithmetic and comparisons: 64-bit integers and doubles when both sides are known, or guessed, to be that.</summary>
internal sealed partial class CodeCompiler
{
    /// <summary>Makes sure that both operands are numbers of the classes that tier 0 has seen; false: nothing is known of them.</summary>
    private bool OperandsAreNumbers(Instruction instruction)
    {
        if (Top(1).Kind == Kind.Bool || Top(2).Kind == Kind.Bool)
            return false;
        if (!MayGuessHere)
            return IsNumber(Top(1)) && IsNumber(Top(2));
        var (left, right) = ((Seen)(instruction.Seen & 3), (Seen)(instruction.Seen >> 2 & 3));
        var leftExact = Expected(Top(2), left);
        var rightExact = Expected(Top(1), right);
        if (leftExact is not (Exact.Int or Exact.Float) || rightExact is not (Exact.Int or Exact.Float))
            return false;
        Guard(2, leftExact);
        Guard(1, rightExact);
        return true;
    }

    private static bool IsNumber(Value value) => value.IsInt || value.IsFloat;

    private static Exact Expected(Value value, Seen seen) => value.Exact != Exact.None ? value.Exact : seen switch
    {
        Seen.Int => Exact.Int,
        Seen.Float => Exact.Float,
        _ => Exact.None,
    };

    private void Binary(Instruction instruction)
    {
        var op = (NumberOp)(instruction.Arg % 13);
        if (OperandsAreNumbers(instruction))
        {
            if (Top(1).IsInt && Top(2).IsInt)
            {
                if (BinaryInts(op))
                    return;
            }
            else if (BinaryFloats(op))
            {
                return;
            }
        }
        else if (op == NumberOp.Add && Top(1).Exact == Exact.Str && Top(2).Exact == Exact.Str)
        {
            MayRaise();
            LoadObject(2);
            LoadObject(1);
            cil.Call(nameof(Support.Concat));
            Drop(2);
            Push(new Value(Kind.Object, Exact.Str));
            return;
        }
        MayRaise();
        LoadObject(2);
        LoadObject(1);
        cil.Int(instruction.Arg);
        cil.Call(nameof(Support.Binary));
        Drop(2);
        Push(Value.Object);
    }

    private bool BinaryInts(NumberOp op)
    {
        switch (op)
        {
            case NumberOp.Add or NumberOp.Subtract when MayGuessHere:
                {
                    var (x, y, z) = (cil.Temporary(typeof(long)), cil.Temporary(typeof(long)), cil.Temporary(typeof(long)));
                    LoadInt(2);
                    cil.Store(x);
                    LoadInt(1);
                    cil.Store(y);
                    cil.Load(x);
                    cil.Load(y);
                    cil.Op(op == NumberOp.Add ? OpCodes.Add : OpCodes.Sub);
                    cil.Store(z);
                    OverflowCheck(op, x, y, z);
                    cil.Load(z);
                    break;
                }
            case NumberOp.Multiply when MayGuessHere:
                LoadInt(2);
                LoadInt(1);
                cil.Call(nameof(Support.ProductFits));
                cil.Branch(OpCodes.Brfalse, Deopt());
                LoadInt(2);
                LoadInt(1);
                cil.Op(OpCodes.Mul);
                break;
            case NumberOp.FloorDivide or NumberOp.Remainder when MayGuessHere:
                if (Top(1).Constant is not PyInt { Value: > 0 })
                {
                    // 0 raises, and -1 may overflow.
                    LoadInt(1);
                    cil.Long(1);
                    cil.Op(OpCodes.Add);
                    cil.Long(1);
                    cil.Branch(OpCodes.Ble_Un, Deopt());
                }
                LoadInt(2);
                LoadInt(1);
                cil.Call(op == NumberOp.FloorDivide ? nameof(Support.FloorDivide) : nameof(Support.Modulo));
                break;
            case NumberOp.And or NumberOp.Or or NumberOp.Xor:
                LoadInt(2);
                LoadInt(1);
                cil.Op(op == NumberOp.And ? OpCodes.And : op == NumberOp.Or ? OpCodes.Or : OpCodes.Xor);
                break;
            case NumberOp.RightShift when MayGuessHere:
                LoadInt(1);
                cil.Long(63);
                cil.Branch(OpCodes.Bgt_Un, Deopt());
                LoadInt(2);
                LoadInt(1);
                cil.Op(OpCodes.Conv_I4);
                cil.Op(OpCodes.Shr);
                break;
            case NumberOp.LeftShift when MayGuessHere:
                LoadInt(2);
                LoadInt(1);
                cil.Call(nameof(Support.ShiftFits));
                cil.Branch(OpCodes.Brfalse, Deopt());
                LoadInt(2);
                LoadInt(1);
                cil.Op(OpCodes.Conv_I4);
                cil.Op(OpCodes.Shl);
                break;
            case NumberOp.TrueDivide when MayGuessHere:
                LoadInt(2);
                LoadInt(1);
                cil.Call(nameof(Support.DivisionIsExact));
                cil.Branch(OpCodes.Brfalse, Deopt());
                LoadFloat(2);
                LoadFloat(1);
                cil.Op(OpCodes.Div);
                Drop(2);
                Push(Value.Float);
                return true;
            default:
                return false;
        }
        Drop(2);
        Push(Value.Int);
        return true;
    }

    private void OverflowCheck(NumberOp op, LocalBuilder? x, LocalBuilder? y, LocalBuilder? z)
    {
        // Addition: the sum's sign differs from both operands'. Subtraction: the operands' signs differ, and the first's from the result's.
        cil.Load(x);
        cil.Load(op == NumberOp.Add ? z : y);
        cil.Op(OpCodes.Xor);
        cil.Load(op == NumberOp.Add ? y : x);
        cil.Load(z);
        cil.Op(OpCodes.Xor);
        cil.Op(OpCodes.And);
        cil.Long(0);
        cil.Branch(OpCodes.Blt, Deopt());
    }

    private bool BinaryFloats(NumberOp op)
    {
        switch (op)
        {
            case NumberOp.Add or NumberOp.Subtract or NumberOp.Multiply:
                LoadFloat(2);
                LoadFloat(1);
                cil.Op(op == NumberOp.Add ? OpCodes.Add : op == NumberOp.Subtract ? OpCodes.Sub : OpCodes.Mul);
                break;
            case NumberOp.TrueDivide when MayGuessHere:
                LoadFloat(1);
                cil.Double(0);
                cil.Branch(OpCodes.Beq, Deopt());
                LoadFloat(2);
                LoadFloat(1);
                cil.Op(OpCodes.Div);
                break;
            default:
                return false;
        }
        Drop(2);
        Push(Value.Float);
        return true;
    }

    private void Negate()
    {
        var value = Top();
        if (value.IsFloat)
        {
            LoadFloat(1);
            cil.Op(OpCodes.Neg);
            Drop(1);
            Push(Value.Float);
        }
        else if (value.IsInt && MayGuessHere)
        {
            LoadInt(1);
            cil.Long(long.MinValue);
            cil.Branch(OpCodes.Beq, Deopt());
            LoadInt(1);
            cil.Op(OpCodes.Neg);
            Drop(1);
            Push(Value.Int);
        }
        else
        {
            MayRaise();
            LoadObject(1);
            cil.Call(nameof(Support.Negative));
            Drop(1);
            Push(Value.Object);
        }
    }

    private void Compare(Instruction instruction)
    {
        var op = (CompareOp)instruction.Arg;
        // Comparing an int with a float is exact in Python: tier 0's code does that.
        if (OperandsAreNumbers(instruction) && Top(1).IsInt == Top(2).IsInt)
        {
            if (Top(1).IsInt)
            {
                LoadInt(2);
                LoadInt(1);
            }
            else
            {
                LoadFloat(2);
                LoadFloat(1);
            }
            CompareNumbers(op, Top(1).IsFloat);
            Drop(2);
            Push(Value.Bool);
            return;
        }
        MayRaise();
        LoadObject(2);
        LoadObject(1);
        cil.Int(instruction.Arg);
        cil.Call(nameof(Support.Compare));
        Drop(2);
        Push(Value.Object);
    }

    // "not (x > y)" is no "x <= y" for NaN: the unordered forms make it so.
    private void CompareNumbers(CompareOp op, bool floats)
    {
        switch (op)
        {
            case CompareOp.Lt:
                cil.Op(OpCodes.Clt);
                break;
            case CompareOp.Gt:
                cil.Op(OpCodes.Cgt);
                break;
            case CompareOp.Le:
                cil.Op(floats ? OpCodes.Cgt_Un : OpCodes.Cgt);
                Not();
                break;
            case CompareOp.Ge:
                cil.Op(floats ? OpCodes.Clt_Un : OpCodes.Clt);
                Not();
                break;
            case CompareOp.Eq:
                cil.Op(OpCodes.Ceq);
                break;
            default:
                cil.Op(OpCodes.Ceq);
                Not();
                break;
        }
    }
}
