namespace Holon.Python.Tier1;

internal delegate PyObject? Entry0(PyThread thread, PyFunction function);
internal delegate PyObject? Entry1(PyThread thread, PyFunction function, PyObject a);
internal delegate PyObject? Entry2(PyThread thread, PyFunction function, PyObject a, PyObject b);
internal delegate PyObject? Entry3(PyThread thread, PyFunction function, PyObject a, PyObject b, PyObject c);
internal delegate PyObject? Entry4(PyThread thread, PyFunction function, PyObject a, PyObject b, PyObject c, PyObject d);
internal delegate PyObject? Entry5(PyThread thread, PyFunction function, PyObject a, PyObject b, PyObject c, PyObject d, PyObject e);
internal delegate PyObject? Entry6(PyThread thread, PyFunction function, PyObject a, PyObject b, PyObject c, PyObject d, PyObject e, PyObject f);
internal delegate PyObject? Entry7(PyThread thread, PyFunction function, PyObject a, PyObject b, PyObject c, PyObject d, PyObject e, PyObject f, PyObject g);
internal delegate PyObject? Entry8(PyThread thread, PyFunction function, PyObject a, PyObject b, PyObject c, PyObject d, PyObject e, PyObject f, PyObject g, PyObject h);
internal delegate PyObject? Entry9(PyThread thread, PyFunction function, PyObject a, PyObject b, PyObject c, PyObject d, PyObject e, PyObject f, PyObject g, PyObject h, PyObject i);
internal delegate PyObject? Entry10(PyThread thread, PyFunction function, PyObject a, PyObject b, PyObject c, PyObject d, PyObject e, PyObject f, PyObject g, PyObject h, PyObject i, PyObject j);
internal delegate PyObject? Entry11(PyThread thread, PyFunction function, PyObject a, PyObject b, PyObject c, PyObject d, PyObject e, PyObject f, PyObject g, PyObject h, PyObject i, PyObject j, PyObject k);
internal delegate PyObject? Entry12(PyThread thread, PyFunction function, PyObject a, PyObject b, PyObject c, PyObject d, PyObject e, PyObject f, PyObject g, PyObject h, PyObject i, PyObject j, PyObject k, PyObject l);

/// <summary>Goes on with a frame at the head of a loop; <see cref="Support.NotEntered"/> if the frame is not what the code was compiled for.</summary>
internal delegate PyObject? LoopEntry(PyThread thread, PyFrame frame);

/// <summary>What tier 1 knows of a code object that has run often.</summary>
internal sealed class CompiledCode(PyCode code, PyDict globals, PyDict builtins)
{
    /// <summary>After that many failed guards at one place the code is compiled again with what is known by then.</summary>
    private const int FailuresBeforeRecompiling = 4;

    /// <summary>After that many the place no longer guesses.</summary>
    private const int FailuresBeforeGeneric = 3 * FailuresBeforeRecompiling;

    /// <summary>From then on, every place that has ever failed no longer guesses.</summary>
    private const int PatientRecompilations = 3;

    private readonly Dictionary<int, int> failures = [];

    public PyCode Code { get; } = code;

    /// <summary>The namespaces whose names the code takes for constants.</summary>
    public readonly PyDict Globals = globals;
    public readonly PyDict Builtins = builtins;

    /// <summary>Compiled loops, by the instruction at their head, and compiled rests of generators, by that behind the yield.</summary>
    public LoopEntry?[] Loops { get; } = new LoopEntry?[code.Instructions.Length];

    /// <summary>Loops that cannot be compiled.</summary>
    public HashSet<int> Uncompiled { get; } = [];

    /// <summary>Loops of which machine code has been asked for.</summary>
    public HashSet<int> Waiting { get; } = [];

    /// <summary>How many loops have been compiled.</summary>
    public int LoopCount { get; set; }

    /// <summary>Places where guesses have failed too often.</summary>
    public HashSet<int> Generic { get; } = [];

    public int Recompilations { get; private set; }

    /// <summary>It has been compiled so often, in vain, that it stays in tier 0.</summary>
    public bool IsHopeless => Recompilations > 20;

    /// <summary>What the compiled code refers to by address.</summary>
    public List<object> Roots { get; set; } = [];

    /// <summary>Machine code is ready, on another thread: it is entered from now on unless guesses have failed meanwhile.</summary>
    public void Publish(int version, Delegate entry)
    {
        lock (Loops)
        {
            if (Recompilations == version)
                Code.Entry = entry;
        }
    }

    public void Publish(int version, int pc, LoopEntry loop)
    {
        lock (Loops)
        {
            if (Recompilations == version)
                Loops[pc] = loop;
        }
    }

    /// <summary>A guard has failed.</summary>
    public void Failed(int site)
    {
        var count = failures[site] = failures.GetValueOrDefault(site) + 1;
        if (count % FailuresBeforeRecompiling != 0)
            return;
        if (count >= FailuresBeforeGeneric)
            Generic.Add(site);
        lock (Loops)
        {
            Code.Entry = null;
            Array.Clear(Loops);
            Recompilations++;
        }
        Waiting.Clear();
        LoopCount = 0;
        // Code with many places to guess at would otherwise be compiled for each of them in turn.
        if (Recompilations > PatientRecompilations)
            Generic.UnionWith(failures.Keys.Where(failed => failed >= 0));
        // Tier 0 learns for a while before the next try, each time for longer.
        Code.Heat = IsHopeless ? int.MinValue : Wait;
        Code.LoopHeat = Wait;
    }

    private int Wait => -(1000 << Math.Min(Recompilations, 8));

    /// <summary>A loop was not entered because the frame holds other types than when it was compiled.</summary>
    public void Refused(int pc)
    {
        var count = failures[~pc] = failures.GetValueOrDefault(~pc) + 1;
        if (count is FailuresBeforeRecompiling or FailuresBeforeRecompiling * 4)
        {
            Loops[pc] = null;
            Waiting.Remove(pc);
        }
        if (count > 5 * FailuresBeforeGeneric)
            Uncompiled.Add(pc);
    }
}
