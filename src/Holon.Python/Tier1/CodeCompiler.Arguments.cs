using System.Reflection.Emit;

namespace Holon.Python.Tier1;

/// <summary>
/// Calls of functions and classes that are known: positional arguments, keywords and defaults find their parameters when the call is compiled, so that
/// compiled code is entered with all of them and nothing is looked up.
/// </summary>
internal sealed partial class CodeCompiler
{
    /// <summary>Where a parameter's value comes from.</summary>
    private enum Source
    {
        /// <summary>Nowhere yet.</summary>
        None,

        /// <summary>The stack entry that is so far below the top.</summary>
        Stack,

        /// <summary>The default at that index.</summary>
        Default,

        /// <summary>The default of a keyword-only parameter, at that entry of their dict.</summary>
        KeywordDefault,

        /// <summary>The instance that is being made.</summary>
        Instance,
    }

    private readonly record struct Argument(Source Source, int Index = 0);

    /// <summary>
    /// Matches the topmost <paramref name="given"/> entries, of which the last have <paramref name="names"/>, to the function's parameters; null: they do not fit, or
    /// only the general way can tell.
    /// </summary>
    private static Argument[]? Match(PyFunction function, int given, PyTuple? names, bool isConstructor)
    {
        var target = function.Code;
        if ((target.Flags & (CodeFlags.VarArgs | CodeFlags.VarKeywords)) != 0 || target.ParameterCount > MaxArguments)
            return null;
        var named = names?.Count ?? 0;
        var first = isConstructor ? 1 : 0;
        if (given < named || first + given - named > target.ArgCount)
            return null;
        var arguments = new Argument[target.ParameterCount];
        if (isConstructor)
            arguments[0] = new(Source.Instance);
        for (var i = 0; i < given - named; i++)
            arguments[first + i] = new(Source.Stack, given - i);
        for (var k = 0; k < named; k++)
        {
            var at = Array.FindIndex(target.LocalsPlusNames, 0, arguments.Length, name => name.Equals(names![k]));
            if (at < target.PosOnlyCount || arguments[at].Source != Source.None)
                return null;
            arguments[at] = new(Source.Stack, named - k);
        }
        var required = target.ArgCount - (function.Defaults?.Count ?? 0);
        for (var i = 0; i < arguments.Length; i++)
        {
            if (arguments[i].Source != Source.None)
                continue;
            if (i < target.ArgCount)
                arguments[i] = i >= required ? new(Source.Default, i - required) : default;
            else if (function.KeywordDefaults is { } defaults && defaults.FindEntry(target.LocalsPlusNames[i]) is >= 0 and var entry)
                arguments[i] = new(Source.KeywordDefault, entry);
            if (arguments[i].Source == Source.None)
                return null;
        }
        return arguments;
    }

    /// <summary>Enters the compiled code of a function with its topmost <paramref name="given"/> entries.</summary>
    private bool CallFunction(PyFunction function, int given, int count, PyTuple? names)
    {
        if (Match(function, given, names, false) is not { } arguments)
            return false;
        MayRaise();
        BoxAll(given);
        var (slow, done) = (cil.Label(), cil.Label());
        var value = cil.Temporary(typeof(PyObject));
        Enter(function, arguments, null, slow);
        cil.Store(value);
        cil.Branch(OpCodes.Br, done);
        cil.Mark(slow);
        InGeneral(function, "Call", given, names);
        EndCall(value, done, count);
        return true;
    }

    /// <summary>Makes an instance of a class whose <c>__init__</c> is known.</summary>
    private bool Construct(PyType type, PyFunction constructor, int given, int count, PyTuple? names)
    {
        if (Match(constructor, given, names, true) is not { } arguments)
            return false;
        MayRaise();
        BoxAll(given);
        var (slow, done) = (cil.Label(), cil.Label());
        var (value, instance) = (cil.Temporary(typeof(PyObject)), cil.Temporary(typeof(PyObject)));
        CheckVersion(type, slow);
        CheckVersion(type.Type, slow);
        cil.Object(type);
        cil.Call(typeof(ObjectType), nameof(ObjectType.Make));
        cil.Store(instance);
        var entered = cil.Label();
        var unready = cil.Label();
        Enter(constructor, arguments, instance, unready);
        cil.Store(value);
        cil.Branch(OpCodes.Br, entered);
        // The instance is not lost: the function in front of it is called in general.
        cil.Mark(unready);
        cil.Argument(1);
        cil.Object(constructor);
        cil.Load(instance);
        NewArray(given);
        LoadNames(names);
        cil.Call(nameof(Support.CallMany));
        cil.Store(value);
        cil.Mark(entered);
        cil.Argument(1);
        cil.Load(instance);
        cil.Load(value);
        cil.Call(nameof(Support.Constructed));
        cil.Store(value);
        cil.Branch(OpCodes.Br, done);
        cil.Mark(slow);
        InGeneral(type, "Construct", given, names);
        EndCall(value, done, count);
        return true;
    }

    /// <summary>The general way has left its result on the CIL stack, the other, which joins here, in <paramref name="value"/>.</summary>
    private void EndCall(LocalBuilder? value, Label done, int count)
    {
        cil.Store(value);
        cil.Mark(done);
        Drop(count + 2);
        cil.Load(value);
        PushChecked(Value.Object);
    }

    /// <summary>The arguments become objects once, whichever way the call goes.</summary>
    private void BoxAll(int given)
    {
        for (var i = given; i > 0; i--)
            Box(i);
    }

    /// <summary>Leaves the result of a function's compiled code on the CIL stack, or goes to <paramref name="otherwise"/> if there is none or the function has changed.</summary>
    private void Enter(PyFunction function, Argument[] arguments, LocalBuilder? instance, Label otherwise)
    {
        var entryType = EntryTypes[arguments.Length];
        var entry = cil.Temporary(typeof(Delegate));
        CheckField(function, nameof(PyFunction.Code), function.Code, otherwise);
        if (Array.Exists(arguments, a => a.Source == Source.Default))
            CheckField(function, nameof(PyFunction.Defaults), function.Defaults!, otherwise);
        if (Array.Exists(arguments, a => a.Source == Source.KeywordDefault))
        {
            CheckField(function, nameof(PyFunction.KeywordDefaults), function.KeywordDefaults!, otherwise);
            CheckKeys(function.KeywordDefaults!, otherwise);
        }
        cil.Object(function.Code);
        cil.LoadField(typeof(PyCode), nameof(PyCode.Entry));
        cil.Store(entry);
        cil.Load(entry);
        cil.Branch(OpCodes.Brfalse, otherwise);
        cil.Load(entry);
        cil.Argument(1);
        cil.Object(function);
        foreach (var argument in arguments)
        {
            switch (argument.Source)
            {
                case Source.Stack:
                    LoadObject(argument.Index);
                    break;
                case Source.Default:
                    cil.Object(function.Defaults![argument.Index]);
                    break;
                case Source.KeywordDefault:
                    cil.Object(function.KeywordDefaults!);
                    cil.Int(argument.Index);
                    cil.Call(typeof(PyDict), nameof(PyDict.ValueAt));
                    break;
                default:
                    cil.Load(instance);
                    break;
            }
        }
        cil.Call(entryType, "Invoke");
    }

    private void CheckField(PyFunction function, string field, object expected, Label otherwise)
    {
        cil.Object(function);
        cil.LoadField(typeof(PyFunction), field);
        cil.Object(expected);
        cil.Branch(OpCodes.Bne_Un, otherwise);
    }

    /// <summary>Leaves the result of a call that finds out everything itself on the CIL stack.</summary>
    private void InGeneral(PyObject callable, string fixedCount, int given, PyTuple? names)
    {
        cil.Argument(1);
        if (names is null && given < (callable is PyType ? MaxCall - 1 : MaxCall))
        {
            cil.Object(callable);
            for (var i = given; i > 0; i--)
                LoadObject(i);
            cil.Call(fixedCount + given);
            return;
        }
        cil.Op(OpCodes.Ldnull);
        cil.Object(callable);
        NewArray(given);
        LoadNames(names);
        cil.Call(nameof(Support.CallMany));
    }

    private void LoadNames(PyTuple? names)
    {
        if (names is null)
            cil.Op(OpCodes.Ldnull);
        else
            cil.Object(names);
    }
}
