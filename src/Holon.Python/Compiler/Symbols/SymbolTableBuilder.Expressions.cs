using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

internal sealed partial class SymbolTableBuilder
{
    private void VisitOptional(Expr? e)
    {
        if (e != null)
            Visit(e);
    }

    private void Visit(Expr[] expressions)
    {
        foreach (var e in expressions)
            Visit(e);
    }

    private void Visit(Expr expression)
    {
        context.Enter();
        switch (expression)
        {
            case NameExpr e:
                Define(e.Id, e.Ctx == ExprContext.Load ? SymbolFlags.Use : SymbolFlags.Local, e.Span);

                // super() looks for __class__ in the cell that the class makes for it.
                if (e.Ctx == ExprContext.Load && e.Id == "super" && _current.Type == ScopeType.Function)
                    Define("__class__", SymbolFlags.Use, e.Span);
                break;
            case ConstantExpr:
                break;
            case AttributeExpr e:
                Visit(e.Value);
                break;
            case CallExpr e:
                Visit(e.Func);
                Visit(e.Args);
                foreach (var keyword in e.Keywords)
                    Visit(keyword.Value);
                break;
            case NamedExprExpr e:
                RefuseInAnnotation("named expression", e);
                VisitNamedExpression(e);
                break;
            case BoolOpExpr e:
                Visit(e.Values);
                break;
            case BinOpExpr e:
                Visit(e.Left);
                Visit(e.Right);
                break;
            case UnaryOpExpr e:
                Visit(e.Operand);
                break;
            case LambdaExpr e:
                VisitDefaults(e.Args);
                EnterScope("lambda", ScopeType.Function, e, e.Span);
                VisitParameters(e.Args);
                Visit(e.Body);
                LeaveScope();
                break;
            case IfExpExpr e:
                Visit(e.Test);
                Visit(e.Body);
                Visit(e.Orelse);
                break;
            case DictExpr e:
                foreach (var key in e.Keys)
                    VisitOptional(key);
                Visit(e.Values);
                break;
            case SetExpr e:
                Visit(e.Elts);
                break;
            case GeneratorExpExpr e:
                VisitComprehension(e, "genexpr", ComprehensionType.Generator, e.Generators, e.Elt, null);
                break;
            case ListCompExpr e:
                VisitComprehension(e, "listcomp", ComprehensionType.List, e.Generators, e.Elt, null);
                break;
            case SetCompExpr e:
                VisitComprehension(e, "setcomp", ComprehensionType.Set, e.Generators, e.Elt, null);
                break;
            case DictCompExpr e:
                VisitComprehension(e, "dictcomp", ComprehensionType.Dict, e.Generators, e.Key, e.Value);
                break;
            case YieldExpr e:
                RefuseInAnnotation("yield expression", e);
                VisitOptional(e.Value);
                NoteYield(e);
                break;
            case YieldFromExpr e:
                RefuseInAnnotation("yield expression", e);
                Visit(e.Value);
                NoteYield(e);
                break;
            case AwaitExpr e:
                RefuseInAnnotation("await expression", e);
                Visit(e.Value);
                _current.IsCoroutine = true;
                break;
            case CompareExpr e:
                Visit(e.Left);
                Visit(e.Comparators);
                break;
            case FormattedValueExpr e:
                Visit(e.Value);
                VisitOptional(e.FormatSpec);
                break;
            case JoinedStrExpr e:
                Visit(e.Values);
                break;
            case SubscriptExpr e:
                Visit(e.Value);
                Visit(e.Slice);
                break;
            case StarredExpr e:
                Visit(e.Value);
                break;
            case SliceExpr e:
                VisitOptional(e.Lower);
                VisitOptional(e.Upper);
                VisitOptional(e.Step);
                break;
            case ListExpr e:
                Visit(e.Elts);
                break;
            case TupleExpr e:
                Visit(e.Elts);
                break;
        }

        context.Leave();
    }

    private void NoteYield(Expr e)
    {
        _current.IsGenerator = true;
        var inside = _current.Comprehension switch
        {
            ComprehensionType.None => null,
            ComprehensionType.List => "list comprehension",
            ComprehensionType.Set => "set comprehension",
            ComprehensionType.Dict => "dict comprehension",
            _ => "generator expression",
        };
        if (inside != null)
            throw context.Error($"'yield' inside {inside}", e.Span);
    }

    private void RefuseInAnnotation(string what, Expr e)
    {
        if (_current.Type == ScopeType.Annotation)
            throw context.Error($"'{what}' can not be used within an annotation", e.Span);
    }

    private void VisitNamedExpression(NamedExprExpr e)
    {
        if (_current.ComprehensionIterDepth > 0)
            throw context.Error("assignment expression cannot be used in a comprehension iterable expression", e.Span);
        if (_current.Comprehension != ComprehensionType.None)
            BindOutsideComprehension((NameExpr)e.Target);
        Visit(e.Value);
        Visit(e.Target);
    }

    // PEP 572: the target is bound in the scope that contains the outermost comprehension.
    private void BindOutsideComprehension(NameExpr target)
    {
        for (var i = _stack.Count - 1; i >= 0; i--)
        {
            var scope = _stack[i];
            var flags = scope.Symbols.GetValueOrDefault(target.Id);
            if (scope.Comprehension != ComprehensionType.None)
            {
                if ((flags & SymbolFlags.ComprehensionTarget) != 0)
                    throw context.Error($"assignment expression cannot rebind comprehension iteration variable '{target.Id}'", target.Span);
                continue;
            }

            switch (scope.Type)
            {
                case ScopeType.Function:
                    Define(target.Id, (flags & SymbolFlags.Global) != 0 ? SymbolFlags.Global : SymbolFlags.Nonlocal, target.Span);
                    NoteDirective(target.Id, target.Span);
                    Define(target.Id, SymbolFlags.Local, scope, target.Span);
                    return;
                case ScopeType.Module:
                    Define(target.Id, SymbolFlags.Global, target.Span);
                    NoteDirective(target.Id, target.Span);
                    Define(target.Id, SymbolFlags.Global, scope, target.Span);
                    return;
                case ScopeType.Class:
                    throw context.Error("assignment expression within a comprehension cannot be used in a class body", target.Span);
            }
        }
    }

    private void VisitComprehension(Expr node, string name, ComprehensionType type, Comprehension[] generators, Expr element, Expr? value)
    {
        // The outermost iterable is evaluated outside.
        var outermost = generators[0];
        _current.ComprehensionIterDepth++;
        Visit(outermost.Iter);
        _current.ComprehensionIterDepth--;

        EnterScope(name, ScopeType.Function, node, node.Span);
        _current.Comprehension = type;
        _current.IsCoroutine = outermost.IsAsync != 0;
        Define(".0", SymbolFlags.Parameter, node.Span);
        _current.InComprehensionTarget = true;
        Visit(outermost.Target);
        _current.InComprehensionTarget = false;
        Visit(outermost.Ifs);
        for (var i = 1; i < generators.Length; i++)
            Visit(generators[i]);
        VisitOptional(value);
        Visit(element);
        var isGenerator = type == ComprehensionType.Generator;
        _current.IsGenerator = isGenerator;
        var isAsync = _current.IsCoroutine && !isGenerator;
        LeaveScope();
        if (isAsync)
            _current.IsCoroutine = true;
    }

    private void Visit(Comprehension generator)
    {
        _current.InComprehensionTarget = true;
        Visit(generator.Target);
        _current.InComprehensionTarget = false;
        _current.ComprehensionIterDepth++;
        Visit(generator.Iter);
        _current.ComprehensionIterDepth--;
        Visit(generator.Ifs);
        if (generator.IsAsync != 0)
            _current.IsCoroutine = true;
    }
}
