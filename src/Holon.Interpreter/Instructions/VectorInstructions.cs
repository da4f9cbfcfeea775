using Holon.Interpreter.Decoding;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <summary>Rows of MMX, SSE and AVX.</summary>
internal static unsafe class VectorInstructions
{
    public static void Declare(InstructionTable table)
    {
    }

    /// <summary>The SSE2 forms of MOVSD.</summary>
    public static Handler BindMovsd(in Instruction instruction, Op* op) => throw new UnimplementedException($"{instruction.Code} is not implemented.");

    /// <summary>The SSE2 form of CMPSD.</summary>
    public static Handler BindCmpsd(in Instruction instruction, Op* op) => throw new UnimplementedException($"{instruction.Code} is not implemented.");
}
