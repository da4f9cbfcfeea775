using System.Reflection.Emit;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Compiler;

/// <summary>A method, or the rest of one from a loop on, as CIL that RyuJIT has compiled.</summary>
internal sealed class CompiledCode(JMethod method, int loop)
{
    public readonly JMethod Method = method;

    /// <summary>The operation at which it begins; -1 for the whole method.</summary>
    public readonly int Loop = loop;

    /// <summary>Keeps the code alive.</summary>
    public DynamicMethod? Body;
    public nint Entry;

    /// <summary>Operations translated, inlined ones included.</summary>
    public int Operations;

    /// <summary>How often it went on in the interpreter, at operations that had never run when it was compiled.</summary>
    public int Traps;

    /// <summary>Classes that it names and nothing else may keep from being unloaded.</summary>
    public readonly HashSet<JClass> Kept = [];

    /// <summary>Its CIL as text, when asked for.</summary>
    public List<CilLine>? Listing;
}

/// <summary>
/// A line of a listing: the bytecode index it comes from, how deep it is inlined, the bytecode index of the outermost method
/// that it belongs to (-1: none), and the instruction.
/// </summary>
internal readonly record struct CilLine(JMethod Method, int Bci, int Depth, int OuterBci, string Text);

/// <summary>
/// A place where compiled code goes on in the interpreter: the frames to make, outermost first, each with the slot it begins at and
/// its operation.
/// </summary>
internal sealed record DeoptPoint(CompiledCode Code, (JMethod Method, int Base, int Index)[] Frames, int Slots, bool IsPoll);

/// <summary>What the compiler knows of a method.</summary>
internal sealed class CompilationState
{
    public CompiledCode? Code;
    public readonly Dictionary<int, CompiledCode> Loops = [];
    public bool IsQueued;
    public int Compilations;
    public bool Refused;
}
