using System.Diagnostics;

namespace Holon.Python.Tier1;

/// <summary>Decides what is compiled, and enters compiled code from tier 0.</summary>
internal static class Promotion
{
    /// <summary>A call makes a code object as much hotter as this; a turn of a loop by 1.</summary>
    private const int CallHeat = 4;

    /// <summary>The most places of one code object at which compiled code is entered.</summary>
    private const int MaxLoops = 16;

    /// <summary>A function is called with so many arguments: is there compiled code for it, or is it time to make some?</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Called(PyThread thread, PyCode code, PyFunction function, int count)
    {
        if (code.Entry is not null)
            return code.DirectCount == count && !thread.IsTracing;
        return (code.Heat += CallHeat) > thread.Machine.CompileAfter && Compile(thread.Machine, code, function) && code.DirectCount == count && !thread.IsTracing;
    }

    private static bool Compile(Machine machine, PyCode code, PyFunction function)
    {
        if (!MayCompile(machine))
        {
            code.Heat = machine.CompileAfter / 2;
            return false;
        }
        // Whatever happens, the next try is far away.
        code.Heat = int.MinValue / 2;
        if (!code.IsPrepared)
            code.Prepare();
        if (code.ParameterCount > CodeCompiler.MaxArguments || ReadsItsFrame(code))
            return false;
        var unit = UnitOf(code, function.Globals, function.Builtins);
        if (unit is null or { IsHopeless: true })
            return false;
        var began = Stopwatch.GetTimestamp();
        try
        {
            var made = CodeCompiler.Function(unit);
            if (!IsBeside(machine))
            {
                code.Entry = MachineCode.Make(made) ? made : null;
                return code.Entry is not null;
            }
            var version = unit.Recompilations;
            MachineCode.MakeLater(made, machine.CompileBudget, () => unit.Publish(version, made));
            return false;
        }
        catch (Exception error) when (StaysInTier0(error))
        {
            return false;
        }
        finally
        {
            machine.CompileBudget.Spend(began);
        }
    }

    private static bool IsBeside(Machine machine) => MachineCode.CanWait && !machine.CompileBudget.IsUnlimited;

    private static bool MayCompile(Machine machine) => machine.CompileBudget.IsLeft && (!IsBeside(machine) || MachineCode.HasRoom);

    /// <summary>
    /// What no compiler of Python writes (a stack that underflows, names and constants that are not there) is for tier 0 to refuse, instruction by
    /// instruction.
    /// </summary>
    private static bool StaysInTier0(Exception error) => error is NotCompiledException
        || (error is IndexOutOfRangeException or ArgumentException or InvalidCastException or NullReferenceException or InvalidOperationException && Environment.GetEnvironmentVariable("HOLON_PYTHON_DEBUG") is null);

    private static CompiledCode? UnitOf(PyCode code, PyDict globals, PyDict builtins)
    {
        code.Compiled ??= new CompiledCode(code, globals, builtins);
        return ReferenceEquals(code.Compiled.Globals, globals) && ReferenceEquals(code.Compiled.Builtins, builtins) ? code.Compiled : null;
    }

    // Compiled code keeps locals where locals() and the like do not see them.
    private static bool ReadsItsFrame(PyCode code)
    {
        foreach (var name in code.NameList)
        {
            if (name.Value is "locals" or "vars" or "dir" or "eval" or "exec" or "currentframe" or "breakpoint" or "settrace" or "setprofile")
                return true;
            if (name.Value == "_getframe" && !AsksForCallersOnly(code))
                return true;
        }
        return false;
    }

    /// <summary>Each <c>_getframe</c> is called at once with a number that is not 0: the frame is a caller's.</summary>
    private static bool AsksForCallersOnly(PyCode code)
    {
        var instructions = code.Instructions;
        for (var i = 0; i < instructions.Length; i++)
        {
            var (op, arg) = (instructions[i].Op, instructions[i].Arg);
            var name = op switch
            {
                Opcode.LoadGlobal or Opcode.LoadGlobalCached => arg >> 1,
                Opcode.LoadAttr or Opcode.LoadAttrShape or Opcode.LoadAttrModule or Opcode.LoadAttrClass or Opcode.LoadName or Opcode.ImportFrom
                    or Opcode.LoadMethod or Opcode.LoadMethodShape or Opcode.LoadMethodType or Opcode.LoadMethodModule or Opcode.LoadMethodClass => arg,
                _ => -1,
            };
            if ((uint)name >= (uint)code.NameList.Length || code.NameList[name].Value != "_getframe")
                continue;
            if (i + 2 >= instructions.Length || instructions[i + 1].Op != Opcode.LoadConst || code.Consts[instructions[i + 1].Arg] is not PyInt { Value: > 0 } || instructions[i + 2] is not { Op: Opcode.Call, Arg: 1 })
                return false;
        }
        return true;
    }

    /// <summary>Calls compiled code.</summary>
    public static PyObject? Invoke(PyThread thread, PyFunction function, ReadOnlySpan<PyObject> a) => a.Length switch
    {
        0 => Unsafe.As<Entry0>(function.Code.Entry!)(thread, function),
        1 => Unsafe.As<Entry1>(function.Code.Entry!)(thread, function, a[0]),
        2 => Unsafe.As<Entry2>(function.Code.Entry!)(thread, function, a[0], a[1]),
        3 => Unsafe.As<Entry3>(function.Code.Entry!)(thread, function, a[0], a[1], a[2]),
        4 => Unsafe.As<Entry4>(function.Code.Entry!)(thread, function, a[0], a[1], a[2], a[3]),
        5 => Unsafe.As<Entry5>(function.Code.Entry!)(thread, function, a[0], a[1], a[2], a[3], a[4]),
        6 => Unsafe.As<Entry6>(function.Code.Entry!)(thread, function, a[0], a[1], a[2], a[3], a[4], a[5]),
        7 => Unsafe.As<Entry7>(function.Code.Entry!)(thread, function, a[0], a[1], a[2], a[3], a[4], a[5], a[6]),
        8 => Unsafe.As<Entry8>(function.Code.Entry!)(thread, function, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]),
        9 => Unsafe.As<Entry9>(function.Code.Entry!)(thread, function, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8]),
        10 => Unsafe.As<Entry10>(function.Code.Entry!)(thread, function, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9]),
        11 => Unsafe.As<Entry11>(function.Code.Entry!)(thread, function, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10]),
        _ => Unsafe.As<Entry12>(function.Code.Entry!)(thread, function, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11]),
    };

    /// <summary>Calls compiled code with arguments that are yet to find their parameters.</summary>
    public static PyObject? InvokeBound(PyThread thread, PyFunction function, ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var places = new Parameters();
        var bound = ((Span<PyObject?>)places)[..function.Code.ParameterCount];
        ArgumentBinder.Bind(function, bound, args, names);
        return Invoke(thread, function, bound!);
    }

    [InlineArray(CodeCompiler.MaxArguments)]
    private struct Parameters
    {
        private PyObject? first;
    }

    /// <summary>Calls compiled code with the arguments that have been bound in a frame; the frame is free then.</summary>
    public static PyObject? InvokeBound(PyThread thread, PyFunction function, PyFrame bound)
    {
        var value = Invoke(thread, function, bound.Span(0, function.Code.ParameterCount));
        bound.Release();
        return value;
    }

    /// <summary>A generator goes on behind a yield: if there is compiled code for that, or should be, it runs.</summary>
    public static LoopResult TryResume(PyThread thread, PyFrame frame, out PyObject? value)
    {
        var code = frame.Code;
        var pc = frame.Pc;
        if (code.Compiled is not { } compiled || compiled.Loops[pc] is not { } ready)
        {
            value = null;
            return ++code.LoopHeat <= thread.Machine.CompileAfter ? LoopResult.NotEntered : TryLoop(thread, frame, pc, out value);
        }
        if (thread.IsTracing || !ReferenceEquals(compiled.Globals, frame.Globals) || !ReferenceEquals(compiled.Builtins, frame.Builtins))
            return TryLoop(thread, frame, pc, out value);
        value = ready(thread, frame);
        // What is no value at all is a singleton.
        if (value is not PySingleton || (!ReferenceEquals(value, Support.BackInTier0) && !ReferenceEquals(value, Support.NotEntered)))
            return LoopResult.Ended;
        if (ReferenceEquals(value, Support.BackInTier0))
            return LoopResult.BackInTier0;
        compiled.Refused(pc);
        code.LoopHeat -= Math.Clamp(code.LoopHeat, 0, 64);
        return LoopResult.NotEntered;
    }

    /// <summary>
    /// A hot loop is at its head, or a generator goes on, with everything in the frame: if there is compiled code for that, or can be, it runs.
    /// </summary>
    public static LoopResult TryLoop(PyThread thread, PyFrame frame, int pc, out PyObject? value)
    {
        value = null;
        var code = frame.Code;
        if (!thread.IsTracing && Find(thread.Machine, frame, pc) is { } loop)
        {
            frame.Pc = pc;
            value = loop(thread, frame);
            if (ReferenceEquals(value, Support.BackInTier0))
                return LoopResult.BackInTier0;
            if (!ReferenceEquals(value, Support.NotEntered))
                return LoopResult.Ended;
            code.Compiled!.Refused(pc);
        }
        // The next look comes after some more turns.
        code.LoopHeat -= Math.Clamp(code.LoopHeat, 0, 64);
        return LoopResult.NotEntered;
    }

    private static LoopEntry? Find(Machine machine, PyFrame frame, int pc)
    {
        var code = frame.Code;
        if (code.Compiled is { } compiled && compiled.Loops[pc] is { } ready && ReferenceEquals(compiled.Globals, frame.Globals) && ReferenceEquals(compiled.Builtins, frame.Builtins))
            return ready;
        if (code.Compiled is null && ReadsItsFrame(code))
        {
            code.LoopHeat = int.MinValue;
            return null;
        }
        if (UnitOf(code, frame.Globals, frame.Builtins) is not { IsHopeless: false } unit)
            return null;
        if (unit.LoopCount == MaxLoops || unit.Uncompiled.Contains(pc) || unit.Waiting.Contains(pc) || !MayCompile(machine))
            return null;
        var began = Stopwatch.GetTimestamp();
        try
        {
            frame.Pc = pc;
            unit.LoopCount++;
            var made = CodeCompiler.Loop(unit, frame, pc);
            unit.Waiting.Add(pc);
            if (!IsBeside(machine))
                return unit.Loops[pc] = MachineCode.Make(made) ? made : null;
            var version = unit.Recompilations;
            MachineCode.MakeLater(made, machine.CompileBudget, () => unit.Publish(version, pc, made));
            return null;
        }
        catch (Exception error) when (StaysInTier0(error))
        {
            unit.Uncompiled.Add(pc);
            return null;
        }
        finally
        {
            machine.CompileBudget.Spend(began);
        }
    }
}

/// <summary>What has become of a loop that was to run compiled.</summary>
internal enum LoopResult
{
    /// <summary>Nothing: tier 0 has to run it.</summary>
    NotEntered,

    /// <summary>The frame has returned, yielded, or left an exception pending.</summary>
    Ended,

    /// <summary>The loop has run for a while; tier 0 goes on where the frame says.</summary>
    BackInTier0,
}
