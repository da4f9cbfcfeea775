using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>The first pass over the tree: opens a scope for every block and notes how each name is used in it.</summary>
internal sealed partial class SymbolTableBuilder(SymbolTable table, CompilationContext context)
{
    private readonly List<SymbolScope> _stack = [table.Top];
    private readonly SymbolScope _global = table.Top;
    private SymbolScope _current = table.Top;
    private string? _className;

    public void Visit(Mod mod)
    {
        switch (mod)
        {
            case ModuleMod module: Visit(module.Body); break;
            case InteractiveMod interactive: Visit(interactive.Body); break;
            case ExpressionMod expression: Visit(expression.Body); break;
            default: throw new PythonCompileException(CompileErrorKind.RuntimeError, "this compiler does not handle FunctionTypes");
        }
    }

    private void EnterScope(string name, ScopeType type, Node node, SourceSpan span)
    {
        var scope = new SymbolScope(name, type, span)
        {
            IsNested = _current.IsNested || _current.Type == ScopeType.Function,
            ComprehensionIterDepth = _current.ComprehensionIterDepth,
        };
        table.Add(node, scope);
        if (type != ScopeType.Annotation)
            _current.Children.Add(scope);
        _stack.Add(scope);
        _current = scope;
    }

    private void LeaveScope()
    {
        _stack.RemoveAt(_stack.Count - 1);
        _current = _stack[^1];
    }

    private SymbolFlags LookUp(string name) => _current.Symbols.GetValueOrDefault(NameMangling.Mangle(_className, name));

    private void Define(string name, SymbolFlags flag, SourceSpan span) => Define(name, flag, _current, span);

    private void Define(string name, SymbolFlags flag, SymbolScope scope, SourceSpan span)
    {
        var mangled = NameMangling.Mangle(_className, name);
        var value = scope.Symbols.GetValueOrDefault(mangled);
        if ((flag & value & SymbolFlags.Parameter) != 0)
            throw context.Error($"duplicate argument '{name}' in function definition", span);
        value |= flag;
        if (scope.InComprehensionTarget)
        {
            if ((value & (SymbolFlags.Global | SymbolFlags.Nonlocal)) != 0)
                throw context.Error($"comprehension inner loop cannot rebind assignment expression target '{name}'", span);
            value |= SymbolFlags.ComprehensionTarget;
        }

        scope.Symbols[mangled] = value;
        if ((flag & SymbolFlags.Parameter) != 0)
            scope.VarNames.Add(mangled);
        else if ((flag & SymbolFlags.Global) != 0)
            _global.Symbols[mangled] = flag | _global.Symbols.GetValueOrDefault(mangled);
    }

    private void NoteDirective(string name, SourceSpan span) => _current.Directives.Add((NameMangling.Mangle(_className, name), span));

    private void Visit(Stmt[] statements)
    {
        foreach (var statement in statements)
            Visit(statement);
    }

    private void Visit(Stmt statement)
    {
        context.Enter();
        switch (statement)
        {
            case FunctionDefStmt s:
                VisitFunction(s, s.Name, s.Args, s.Body, s.DecoratorList, s.Returns, isAsync: false);
                break;
            case AsyncFunctionDefStmt s:
                VisitFunction(s, s.Name, s.Args, s.Body, s.DecoratorList, s.Returns, isAsync: true);
                break;
            case ClassDefStmt s:
                VisitClass(s);
                break;
            case ReturnStmt s:
                if (s.Value != null)
                {
                    Visit(s.Value);
                    _current.ReturnsValue = true;
                }

                break;
            case DeleteStmt s:
                Visit(s.Targets);
                break;
            case AssignStmt s:
                Visit(s.Targets);
                Visit(s.Value);
                break;
            case AnnAssignStmt s:
                VisitAnnotatedAssignment(s);
                break;
            case AugAssignStmt s:
                Visit(s.Target);
                Visit(s.Value);
                break;
            case ForStmt s:
                VisitFor(s.Target, s.Iter, s.Body, s.Orelse);
                break;
            case AsyncForStmt s:
                VisitFor(s.Target, s.Iter, s.Body, s.Orelse);
                break;
            case WhileStmt s:
                Visit(s.Test);
                Visit(s.Body);
                Visit(s.Orelse);
                break;
            case IfStmt s:
                Visit(s.Test);
                Visit(s.Body);
                Visit(s.Orelse);
                break;
            case MatchStmt s:
                VisitMatch(s);
                break;
            case RaiseStmt s:
                VisitOptional(s.Exc);
                if (s.Exc != null)
                    VisitOptional(s.Cause);
                break;
            case TryStmt s:
                VisitTry(s.Body, s.Handlers, s.Orelse, s.Finalbody);
                break;
            case TryStarStmt s:
                VisitTry(s.Body, s.Handlers, s.Orelse, s.Finalbody);
                break;
            case AssertStmt s:
                Visit(s.Test);
                VisitOptional(s.Msg);
                break;
            case ImportStmt s:
                VisitAliases(s.Names);
                break;
            case ImportFromStmt s:
                VisitAliases(s.Names);
                break;
            case GlobalStmt s:
                foreach (var name in s.Names)
                    Declare(name, SymbolFlags.Global, "global", s.Span);
                break;
            case NonlocalStmt s:
                foreach (var name in s.Names)
                    Declare(name, SymbolFlags.Nonlocal, "nonlocal", s.Span);
                break;
            case ExprStmt s:
                Visit(s.Value);
                break;
            case WithStmt s:
                VisitWith(s.Items, s.Body);
                break;
            case AsyncWithStmt s:
                VisitWith(s.Items, s.Body);
                break;
        }

        context.Leave();
    }

    private void VisitFunction(
        Stmt node, string name, Arguments args, Stmt[] body, Expr[] decorators, Expr? returns, bool isAsync)
    {
        Define(name, SymbolFlags.Local, node.Span);
        VisitDefaults(args);
        VisitAnnotations(node, args, returns);
        Visit(decorators);
        EnterScope(name, ScopeType.Function, node, node.Span);
        _current.IsCoroutine = isAsync;
        VisitParameters(args);
        Visit(body);
        LeaveScope();
    }

    private void VisitClass(ClassDefStmt s)
    {
        Define(s.Name, SymbolFlags.Local, s.Span);
        Visit(s.Bases);
        foreach (var keyword in s.Keywords)
            Visit(keyword.Value);
        Visit(s.DecoratorList);
        EnterScope(s.Name, ScopeType.Class, s, s.Span);
        var outer = _className;
        _className = s.Name;
        Visit(s.Body);
        _className = outer;
        LeaveScope();
    }

    private void VisitAnnotatedAssignment(AnnAssignStmt s)
    {
        if (s.Target is NameExpr name)
        {
            var flags = LookUp(name.Id);
            if ((flags & (SymbolFlags.Global | SymbolFlags.Nonlocal)) != 0 && _current != _global && s.Simple != 0)
            {
                var what = (flags & SymbolFlags.Global) != 0 ? "global" : "nonlocal";
                throw context.Error($"annotated name '{name.Id}' can't be {what}", s.Span);
            }

            if (s.Simple != 0)
                Define(name.Id, SymbolFlags.Annotated | SymbolFlags.Local, name.Span);
            else if (s.Value != null)
                Define(name.Id, SymbolFlags.Local, name.Span);
        }
        else
        {
            Visit(s.Target);
        }

        VisitAnnotation(s.Annotation);
        VisitOptional(s.Value);
    }

    private void VisitFor(Expr target, Expr iter, Stmt[] body, Stmt[] orelse)
    {
        Visit(target);
        Visit(iter);
        Visit(body);
        Visit(orelse);
    }

    private void VisitTry(Stmt[] body, ExceptHandler[] handlers, Stmt[] orelse, Stmt[] final)
    {
        Visit(body);
        Visit(orelse);
        foreach (var handler in handlers)
        {
            VisitOptional(handler.Type);
            if (handler.Name != null)
                Define(handler.Name, SymbolFlags.Local, handler.Span);
            Visit(handler.Body);
        }

        Visit(final);
    }

    private void VisitWith(WithItem[] items, Stmt[] body)
    {
        foreach (var item in items)
        {
            Visit(item.ContextExpr);
            VisitOptional(item.OptionalVars);
        }

        Visit(body);
    }

    private void VisitMatch(MatchStmt s)
    {
        Visit(s.Subject);
        foreach (var matchCase in s.Cases)
        {
            Visit(matchCase.Pattern);
            VisitOptional(matchCase.Guard);
            Visit(matchCase.Body);
        }
    }

    private void VisitAliases(Alias[] aliases)
    {
        foreach (var alias in aliases)
        {
            var name = alias.Asname ?? alias.Name;
            if (name == "*")
            {
                if (_current.Type != ScopeType.Module)
                    throw context.Error("import * only allowed at module level", alias.Span);
                continue;
            }

            var dot = name.IndexOf('.', StringComparison.Ordinal);
            Define(dot < 0 ? name : name[..dot], SymbolFlags.Import, alias.Span);
        }
    }

    private void Declare(string name, SymbolFlags flag, string keyword, SourceSpan span)
    {
        var flags = LookUp(name);
        string? problem = null;
        if ((flags & SymbolFlags.Parameter) != 0)
            problem = $"name '{name}' is parameter and {keyword}";
        else if ((flags & SymbolFlags.Use) != 0)
            problem = $"name '{name}' is used prior to {keyword} declaration";
        else if ((flags & SymbolFlags.Annotated) != 0)
            problem = $"annotated name '{name}' can't be {keyword}";
        else if ((flags & SymbolFlags.Local) != 0)
            problem = $"name '{name}' is assigned to before {keyword} declaration";
        if (problem != null)
            throw context.Error(problem, span);
        Define(name, flag, span);
        NoteDirective(name, span);
    }

    private void VisitDefaults(Arguments args)
    {
        Visit(args.Defaults);
        foreach (var value in args.KwDefaults)
            VisitOptional(value);
    }

    private void VisitParameters(Arguments args)
    {
        foreach (var arg in args.Posonlyargs)
            Define(arg.ArgName, SymbolFlags.Parameter, arg.Span);
        foreach (var arg in args.Args)
            Define(arg.ArgName, SymbolFlags.Parameter, arg.Span);
        foreach (var arg in args.Kwonlyargs)
            Define(arg.ArgName, SymbolFlags.Parameter, arg.Span);
        if (args.Vararg != null)
        {
            Define(args.Vararg.ArgName, SymbolFlags.Parameter, args.Vararg.Span);
            _current.HasVarArgs = true;
        }

        if (args.Kwarg != null)
        {
            Define(args.Kwarg.ArgName, SymbolFlags.Parameter, args.Kwarg.Span);
            _current.HasVarKeywords = true;
        }
    }

    private void VisitAnnotation(Expr annotation)
    {
        if (context.AnnotationsAreText)
            EnterScope("_annotation", ScopeType.Annotation, annotation, annotation.Span);
        Visit(annotation);
        if (context.AnnotationsAreText)
            LeaveScope();
    }

    private void VisitAnnotations(Stmt node, Arguments args, Expr? returns)
    {
        if (context.AnnotationsAreText)
            EnterScope("_annotation", ScopeType.Annotation, node, node.Span);
        VisitAnnotations(args.Posonlyargs);
        VisitAnnotations(args.Args);
        VisitOptional(args.Vararg?.Annotation);
        VisitOptional(args.Kwarg?.Annotation);
        VisitAnnotations(args.Kwonlyargs);
        if (context.AnnotationsAreText)
            LeaveScope();
        if (returns != null)
            VisitAnnotation(returns);
    }

    private void VisitAnnotations(Arg[] args)
    {
        foreach (var arg in args)
            VisitOptional(arg.Annotation);
    }

    private void Visit(Pattern pattern)
    {
        context.Enter();
        switch (pattern)
        {
            case MatchValuePattern p:
                Visit(p.Value);
                break;
            case MatchSequencePattern p:
                Visit(p.Patterns);
                break;
            case MatchStarPattern p:
                DefineOptional(p.Name, p.Span);
                break;
            case MatchMappingPattern p:
                foreach (var key in p.Keys)
                    VisitOptional(key);
                Visit(p.Patterns);
                DefineOptional(p.Rest, p.Span);
                break;
            case MatchClassPattern p:
                Visit(p.Cls);
                Visit(p.Patterns);
                Visit(p.KwdPatterns);
                break;
            case MatchAsPattern p:
                if (p.Pattern != null)
                    Visit(p.Pattern);
                DefineOptional(p.Name, p.Span);
                break;
            case MatchOrPattern p:
                Visit(p.Patterns);
                break;
        }

        context.Leave();
    }

    private void Visit(Pattern[] patterns)
    {
        foreach (var pattern in patterns)
            Visit(pattern);
    }

    private void DefineOptional(string? name, SourceSpan span)
    {
        if (name != null)
            Define(name, SymbolFlags.Local, span);
    }
}
