using Holon.Jvm.Heap;

namespace Holon.Jvm.Compiler;

/// <summary>
/// A place in compiled code where a stack trace may be taken: a method, a bytecode index, and the place that it was inlined at (null: none). Compiled code
/// writes its address into its frame; it lies in the memory of the class whose method was compiled.
/// </summary>
internal unsafe struct CodeSite
{
    public MethodSlot* Method;
    public CodeSite* Outer;
    public int Bci;
}
