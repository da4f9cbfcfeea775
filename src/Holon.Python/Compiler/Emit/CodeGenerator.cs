using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>
/// Makes code from a tree whose names are known. This part opens and closes code units and does modules, functions, classes and lambdas; the
/// others do statements, expressions, comprehensions and patterns. The order of instructions, constants and names is CPython's.
/// </summary>
internal sealed partial class CodeGenerator(SymbolTable symbols, CompilationContext context)
{
    private readonly ConstantPool _pool = new();
    private CodeUnit _unit = null!;
    private bool _isInteractive;
    private int _nesting, _visits;

    /// <summary>The code object of a module.</summary>
    public CodeObject Generate(Mod mod)
    {
        EnterUnit("<module>", UnitType.Module, mod, 1);
        var addNone = true;
        switch (mod)
        {
            case ModuleMod module:
                Body(module.Body);
                break;
            case InteractiveMod interactive:
                if (HasAnnotations(interactive.Body))
                    _unit.Add(Op.SetupAnnotations);
                _isInteractive = true;
                Visit(interactive.Body);
                break;
            case ExpressionMod expression:
                Visit(expression.Body);
                addNone = false;
                break;
        }

        return LeaveUnit(addNone);
    }

    // A descent makes a visit at each level, so one visit in 16 is enough.
    private void CheckStack()
    {
        if ((++_visits & 15) == 0)
            DeepStack.Check();
    }

    private bool IsTopLevelAwait =>
        (context.Flags & CompilerFlags.AllowTopLevelAwait) != 0 && _unit.Scope.Type == ScopeType.Module;

    private void EnterUnit(string name, UnitType type, Node node, int line)
    {
        _unit = new CodeUnit(symbols.ScopeOf(node), name, type, line, _unit, _pool);
        _nesting++;
        if (type == UnitType.Module)
            _unit.Span = _unit.Span with { Line = 0 };
        else
            SetQualName();
        _unit.Add(Op.Resume, 0);
        if (type == UnitType.Module)
            _unit.Span = _unit.Span with { Line = 1 };
    }

    private CodeObject LeaveUnit(bool addNone)
    {
        var code = new Assembler(_unit, context).Assemble(addNone);
        _nesting--;
        _unit = _unit.Parent!;
        return code;
    }

    private void SetQualName()
    {
        var parent = _unit.Parent!;
        if (parent.Parent == null)
            return;
        if (_unit.Type is UnitType.Function or UnitType.AsyncFunction or UnitType.Class &&
            parent.Scope.ScopeOf(NameMangling.Mangle(parent.ClassName, _unit.Name)) == NameScope.GlobalExplicit)
            return;
        var inFunction = parent.Type is UnitType.Function or UnitType.AsyncFunction or UnitType.Lambda;
        _unit.QualName = string.Concat(parent.QualName, inFunction ? ".<locals>." : ".", _unit.Name);
    }

    private PythonCompileException Error(string message) => context.Error(message, _unit.Span);

    private void Warn(string message)
    {
        if (context.Options.Host.Warn(CompilerWarningKind.SyntaxWarning, message, context.FileName, _unit.Span.Line))
            throw Error(message);
    }

    private void Body(Stmt[] body)
    {
        if (_unit.Type == UnitType.Module && body.Length > 0)
            _unit.Span = body[0].Span;
        if (HasAnnotations(body))
            _unit.Add(Op.SetupAnnotations);
        if (body.Length == 0)
            return;
        var first = 0;
        if (context.Options.Optimize < 2 && AstOptimizer.DocString(body) != null)
        {
            first = 1;
            Visit(((ExprStmt)body[0]).Value);
            _unit.ClearSpan();
            NameOperation("__doc__", ExprContext.Store);
        }

        for (var i = first; i < body.Length; i++)
            Visit(body[i]);
    }

    private static bool HasAnnotations(Stmt[] body)
    {
        foreach (var statement in body)
        {
            var found = statement switch
            {
                AnnAssignStmt => true,
                ForStmt s => HasAnnotations(s.Body) || HasAnnotations(s.Orelse),
                AsyncForStmt s => HasAnnotations(s.Body) || HasAnnotations(s.Orelse),
                WhileStmt s => HasAnnotations(s.Body) || HasAnnotations(s.Orelse),
                IfStmt s => HasAnnotations(s.Body) || HasAnnotations(s.Orelse),
                WithStmt s => HasAnnotations(s.Body),
                AsyncWithStmt s => HasAnnotations(s.Body),
                TryStmt s => HasAnnotations(s.Handlers) || HasAnnotations(s.Body) || HasAnnotations(s.Finalbody) || HasAnnotations(s.Orelse),
                TryStarStmt s => HasAnnotations(s.Handlers) || HasAnnotations(s.Body) || HasAnnotations(s.Finalbody) || HasAnnotations(s.Orelse),
                _ => false,
            };
            if (found)
                return true;
        }

        return false;
    }

    private static bool HasAnnotations(ExceptHandler[] handlers) => Array.Exists(handlers, h => HasAnnotations(h.Body));

    private void MakeClosure(CodeObject code, int flags)
    {
        var freeCount = 0;
        for (var i = 0; i < code.LocalsPlusNames.Length; i++)
        {
            if ((code.LocalsPlusKinds[i] & (byte)LocalKind.Free) == 0)
                continue;
            freeCount++;
            var name = code.LocalsPlusNames[i];
            var isCell = (_unit.Type == UnitType.Class && name == "__class__") || _unit.Scope.ScopeOf(name) == NameScope.Cell;
            if (!(isCell ? _unit.CellVars : _unit.FreeVars).TryGetValue(name, out var index))
                throw new PythonCompileException(CompileErrorKind.SystemError, $"compiler_lookup_arg(name='{name}') failed in {_unit.Name}");
            _unit.Add(Op.LoadClosure, index);
        }

        if (freeCount > 0)
        {
            flags |= 8;
            _unit.Add(Op.BuildTuple, freeCount);
        }

        _unit.AddLoadConst(code);
        _unit.Add(Op.MakeFunction, flags);
    }

    private void ApplyDecorators(Expr[] decorators)
    {
        var span = _unit.Span;
        for (var i = decorators.Length - 1; i >= 0; i--)
        {
            _unit.Span = decorators[i].Span;
            _unit.Add(Op.Precall, 0);
            _unit.Add(Op.Call, 0);
        }

        _unit.Span = span;
    }

    private int DefaultArguments(Arguments args)
    {
        var flags = 0;
        if (args.Defaults.Length > 0)
        {
            Visit(args.Defaults);
            _unit.Add(Op.BuildTuple, args.Defaults.Length);
            flags |= 1;
        }

        List<object?>? keys = null;
        for (var i = 0; i < args.Kwonlyargs.Length; i++)
        {
            if (args.KwDefaults[i] is not { } value)
                continue;
            (keys ??= []).Add(NameMangling.Mangle(_unit.ClassName, args.Kwonlyargs[i].ArgName));
            Visit(value);
        }

        if (keys != null)
        {
            _unit.AddLoadConst(new TupleConstant([.. keys]));
            _unit.Add(Op.BuildConstKeyMap, keys.Count);
            flags |= 2;
        }

        return flags;
    }

    private int Annotations(Arguments args, Expr? returns)
    {
        var count = 0;
        foreach (var arg in args.Args)
            Annotation(arg.ArgName, arg.Annotation, ref count);
        foreach (var arg in args.Posonlyargs)
            Annotation(arg.ArgName, arg.Annotation, ref count);
        if (args.Vararg != null)
            Annotation(args.Vararg.ArgName, args.Vararg.Annotation, ref count);
        foreach (var arg in args.Kwonlyargs)
            Annotation(arg.ArgName, arg.Annotation, ref count);
        if (args.Kwarg != null)
            Annotation(args.Kwarg.ArgName, args.Kwarg.Annotation, ref count);
        Annotation("return", returns, ref count);
        if (count == 0)
            return 0;
        _unit.Add(Op.BuildTuple, count);
        return 4;
    }

    private void Annotation(string name, Expr? annotation, ref int count)
    {
        if (annotation == null)
            return;
        _unit.AddLoadConst(NameMangling.Mangle(_unit.ClassName, name));
        if (context.AnnotationsAreText)
        {
            _unit.AddLoadConst(Unparser.Unparse(annotation));
        }
        else if (annotation is StarredExpr starred)
        {
            // *args: *Ts
            Visit(starred.Value);
            _unit.Add(Op.UnpackSequence, 1);
        }
        else
        {
            Visit(annotation);
        }

        count += 2;
    }

    private void RefuseDebug(string name, ExprContext use)
    {
        if (name == "__debug__" && use != ExprContext.Load)
            throw Error(use == ExprContext.Store ? "cannot assign to __debug__" : "cannot delete __debug__");
    }

    private void RefuseDebug(Arguments args)
    {
        foreach (var arg in args.Posonlyargs)
            RefuseDebug(arg.ArgName, ExprContext.Store);
        foreach (var arg in args.Args)
            RefuseDebug(arg.ArgName, ExprContext.Store);
        if (args.Vararg != null)
            RefuseDebug(args.Vararg.ArgName, ExprContext.Store);
        foreach (var arg in args.Kwonlyargs)
            RefuseDebug(arg.ArgName, ExprContext.Store);
        if (args.Kwarg != null)
            RefuseDebug(args.Kwarg.ArgName, ExprContext.Store);
    }

    private void SetCounts(Arguments args)
    {
        _unit.ArgCount = args.Args.Length;
        _unit.PosOnlyArgCount = args.Posonlyargs.Length;
        _unit.KwOnlyArgCount = args.Kwonlyargs.Length;
    }

    private void Function(Stmt node, string name, Arguments args, Stmt[] body, Expr[] decorators, Expr? returns, UnitType type)
    {
        RefuseDebug(args);
        Visit(decorators);
        var firstLine = decorators.Length > 0 ? decorators[0].Span.Line : node.Span.Line;
        var flags = DefaultArguments(args);
        flags |= Annotations(args, returns);
        EnterUnit(name, type, node, firstLine);
        var docString = context.Options.Optimize < 2 ? AstOptimizer.DocString(body) : null;
        _unit.AddConst(docString);
        SetCounts(args);
        for (var i = docString == null ? 0 : 1; i < body.Length; i++)
            Visit(body[i]);
        var code = LeaveUnit(addNone: true);
        MakeClosure(code, flags);
        ApplyDecorators(decorators);
        NameOperation(name, ExprContext.Store);
    }

    private void Class(ClassDefStmt s)
    {
        Visit(s.DecoratorList);
        var firstLine = s.DecoratorList.Length > 0 ? s.DecoratorList[0].Span.Line : s.Span.Line;
        EnterUnit(s.Name, UnitType.Class, s, firstLine);
        _unit.ClassName = s.Name;
        NameOperation("__name__", ExprContext.Load);
        NameOperation("__module__", ExprContext.Store);
        _unit.AddLoadConst(_unit.QualName);
        NameOperation("__qualname__", ExprContext.Store);
        Body(s.Body);
        _unit.ClearSpan();
        if (_unit.Scope.NeedsClassClosure)
        {
            _unit.Add(Op.LoadClosure, _unit.CellVars["__class__"]);
            _unit.Add(Op.Copy, 1);
            NameOperation("__classcell__", ExprContext.Store);
        }
        else
        {
            _unit.AddLoadConst(null);
        }

        _unit.Add(Op.ReturnValue);
        var code = LeaveUnit(addNone: true);
        _unit.Add(Op.PushNull);
        _unit.Add(Op.LoadBuildClass);
        MakeClosure(code, 0);
        _unit.AddLoadConst(s.Name);
        CallHelper(2, s.Bases, s.Keywords);
        ApplyDecorators(s.DecoratorList);
        NameOperation(s.Name, ExprContext.Store);
    }

    private void Lambda(LambdaExpr e)
    {
        RefuseDebug(e.Args);
        var flags = DefaultArguments(e.Args);
        EnterUnit("<lambda>", UnitType.Lambda, e, e.Span.Line);
        _unit.AddConst(null);
        SetCounts(e.Args);
        Visit(e.Body);
        if (!_unit.Scope.IsGenerator)
            _unit.Add(Op.ReturnValue);
        var code = LeaveUnit(addNone: !_unit.Scope.IsGenerator);
        MakeClosure(code, flags);
    }
}
