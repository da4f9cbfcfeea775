using System.Runtime.CompilerServices;

namespace Holon.Interpreter.Instructions;

/// <summary>One of the conditions of Jcc, SETcc and CMOVcc (SDM vol. 1, appendix B).</summary>
internal interface ICondition
{
    static abstract bool Test(Interpreter cpu);
}

/// <summary>Always true.</summary>
internal readonly struct Always : ICondition
{
    public static bool Test(Interpreter cpu) => true;
}

/// <summary>The opposite of another condition.</summary>
internal readonly struct Not<TCondition> : ICondition
    where TCondition : struct, ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(Interpreter cpu) => !TCondition.Test(cpu);
}

/// <summary>Overflow.</summary>
internal readonly struct O : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(Interpreter cpu) => cpu.OverflowFlag;
}

/// <summary>Below: carry.</summary>
internal readonly struct B : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(Interpreter cpu) => cpu.CarryFlag;
}

/// <summary>Equal: zero.</summary>
internal readonly struct E : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(Interpreter cpu) => cpu.ZeroFlag;
}

/// <summary>Below or equal.</summary>
internal readonly struct Be : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(Interpreter cpu) => cpu.CarryFlag || cpu.ZeroFlag;
}

/// <summary>Sign.</summary>
internal readonly struct S : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(Interpreter cpu) => cpu.SignFlag;
}

/// <summary>Parity even.</summary>
internal readonly struct P : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(Interpreter cpu) => cpu.ParityFlag;
}

/// <summary>Less, signed.</summary>
internal readonly struct L : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(Interpreter cpu) => cpu.SignFlag != cpu.OverflowFlag;
}

/// <summary>Less or equal, signed.</summary>
internal readonly struct Le : ICondition
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Test(Interpreter cpu) => cpu.ZeroFlag || cpu.SignFlag != cpu.OverflowFlag;
}
