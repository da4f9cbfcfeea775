using Holon.Interpreter.Decoding;
using Holon.Interpreter.Instructions.Vector;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <summary>Rows of MMX, SSE and AVX.</summary>
internal static unsafe class VectorInstructions
{
    public static void Declare(InstructionTable table)
    {
        VectorMoves.Declare(table);
        ScalarMoves.Declare(table);
        VectorElements.Declare(table);
        PackedLogic.Declare(table);
        PackedArithmetic.Declare(table);
        PackedShifts.Declare(table);
        PackedShuffles.Declare(table);
        VariableBlends.Declare(table);
        FloatArithmeticInstructions.Declare(table);
        FloatComparisons.Declare(table);
        FloatConversions.Declare(table);
        ScalarConversions.Declare(table);
        FloatHorizontal.Declare(table);
        DotProducts.Declare(table);
        FusedMultiplyAdd.Declare(table);
        Approximations.Declare(table);
        Widening.Declare(table);
        Permutes.Declare(table);
        MaskedMoves.Declare(table);
        Gathers.Declare(table);
        VectorTests.Declare(table);
        ControlStatus.Declare(table);
        StateInstructions.Declare(table);
        PackedStrings.Declare(table);
        Cryptography.Declare(table);
    }

    /// <summary>The SSE2 forms of MOVSD.</summary>
    public static Handler BindMovsd(in Instruction instruction, Op* op) => ScalarMoves.BindMovsd(instruction, op);

    /// <summary>The SSE2 form of CMPSD.</summary>
    public static Handler BindCmpsd(in Instruction instruction, Op* op) => FloatComparisons.BindCmpsd(instruction, op);
}
