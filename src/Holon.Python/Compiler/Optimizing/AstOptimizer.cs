using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>
/// Folds constants in the tree before code is made: operators on constants, constant tuples, <c>"..." % (...)</c> into f-strings, constant
/// lists and sets that are only iterated, <c>not a in b</c>, <c>__debug__</c>.
/// </summary>
internal sealed class AstOptimizer(CompilationContext context)
{
    public void Optimize(Mod mod)
    {
        switch (mod)
        {
            case ModuleMod module: FoldBody(module.Body); break;
            case InteractiveMod interactive: Fold(interactive.Body); break;
            case ExpressionMod expression: expression.Body = Fold(expression.Body); break;
        }
    }

    /// <summary>The docstring of a body, when it begins with a string.</summary>
    public static object? DocString(Stmt[] body) =>
        body is [ExprStmt { Value: ConstantExpr { Value: string or CodePointString } text }, ..] ? text.Value : null;

    // A string that folding made is not a docstring.
    private void FoldBody(Stmt[] body)
    {
        var hadDocString = DocString(body) != null;
        Fold(body);
        if (!hadDocString && DocString(body) != null)
        {
            var statement = (ExprStmt)body[0];
            statement.Value = new JoinedStrExpr([statement.Value], statement.Span);
        }
    }

    private void Fold(Stmt[] statements)
    {
        foreach (var statement in statements)
            Fold(statement);
    }

    private void Fold(Expr[] expressions)
    {
        for (var i = 0; i < expressions.Length; i++)
            expressions[i] = Fold(expressions[i]);
    }

    private void FoldOptional(Expr?[] expressions)
    {
        for (var i = 0; i < expressions.Length; i++)
            expressions[i] = FoldOptional(expressions[i]);
    }

    private Expr? FoldOptional(Expr? e) => e == null ? null : Fold(e);

    private void Fold(Stmt statement)
    {
        context.Enter();
        switch (statement)
        {
            case FunctionDefStmt s:
                Fold(s.Args);
                FoldBody(s.Body);
                Fold(s.DecoratorList);
                s.Returns = FoldAnnotation(s.Returns);
                break;
            case AsyncFunctionDefStmt s:
                Fold(s.Args);
                FoldBody(s.Body);
                Fold(s.DecoratorList);
                s.Returns = FoldAnnotation(s.Returns);
                break;
            case ClassDefStmt s:
                Fold(s.Bases);
                Fold(s.Keywords);
                FoldBody(s.Body);
                Fold(s.DecoratorList);
                break;
            case ReturnStmt s:
                s.Value = FoldOptional(s.Value);
                break;
            case DeleteStmt s:
                Fold(s.Targets);
                break;
            case AssignStmt s:
                Fold(s.Targets);
                s.Value = Fold(s.Value);
                break;
            case AugAssignStmt s:
                s.Target = Fold(s.Target);
                s.Value = Fold(s.Value);
                break;
            case AnnAssignStmt s:
                s.Target = Fold(s.Target);
                s.Annotation = FoldAnnotation(s.Annotation)!;
                s.Value = FoldOptional(s.Value);
                break;
            case ForStmt s:
                s.Target = Fold(s.Target);
                s.Iter = Fold(s.Iter);
                Fold(s.Body);
                Fold(s.Orelse);
                s.Iter = FoldIterable(s.Iter);
                break;
            case AsyncForStmt s:
                s.Target = Fold(s.Target);
                s.Iter = Fold(s.Iter);
                Fold(s.Body);
                Fold(s.Orelse);
                break;
            case WhileStmt s:
                s.Test = Fold(s.Test);
                Fold(s.Body);
                Fold(s.Orelse);
                break;
            case IfStmt s:
                s.Test = Fold(s.Test);
                Fold(s.Body);
                Fold(s.Orelse);
                break;
            case WithStmt s:
                Fold(s.Items);
                Fold(s.Body);
                break;
            case AsyncWithStmt s:
                Fold(s.Items);
                Fold(s.Body);
                break;
            case RaiseStmt s:
                s.Exc = FoldOptional(s.Exc);
                s.Cause = FoldOptional(s.Cause);
                break;
            case TryStmt s:
                Fold(s.Body);
                Fold(s.Handlers);
                Fold(s.Orelse);
                Fold(s.Finalbody);
                break;
            case TryStarStmt s:
                Fold(s.Body);
                Fold(s.Handlers);
                Fold(s.Orelse);
                Fold(s.Finalbody);
                break;
            case AssertStmt s:
                s.Test = Fold(s.Test);
                s.Msg = FoldOptional(s.Msg);
                break;
            case ExprStmt s:
                s.Value = Fold(s.Value);
                break;
            case MatchStmt s:
                s.Subject = Fold(s.Subject);
                foreach (var matchCase in s.Cases)
                {
                    Fold(matchCase.Pattern);
                    matchCase.Guard = FoldOptional(matchCase.Guard);
                    Fold(matchCase.Body);
                }

                break;
        }

        context.Leave();
    }

    private Expr? FoldAnnotation(Expr? annotation) =>
        annotation == null || context.AnnotationsAreText ? annotation : Fold(annotation);

    private void Fold(Arguments args)
    {
        Fold(args.Posonlyargs);
        Fold(args.Args);
        FoldArg(args.Vararg);
        Fold(args.Kwonlyargs);
        FoldOptional(args.KwDefaults);
        FoldArg(args.Kwarg);
        Fold(args.Defaults);
    }

    private void Fold(Arg[] args)
    {
        foreach (var arg in args)
            FoldArg(arg);
    }

    private void FoldArg(Arg? arg)
    {
        if (arg != null)
            arg.Annotation = FoldAnnotation(arg.Annotation);
    }

    private void Fold(Keyword[] keywords)
    {
        foreach (var keyword in keywords)
            keyword.Value = Fold(keyword.Value);
    }

    private void Fold(WithItem[] items)
    {
        foreach (var item in items)
        {
            item.ContextExpr = Fold(item.ContextExpr);
            item.OptionalVars = FoldOptional(item.OptionalVars);
        }
    }

    private void Fold(ExceptHandler[] handlers)
    {
        foreach (var handler in handlers)
        {
            handler.Type = FoldOptional(handler.Type);
            Fold(handler.Body);
        }
    }

    private void Fold(Comprehension[] generators)
    {
        foreach (var generator in generators)
        {
            generator.Target = Fold(generator.Target);
            generator.Iter = Fold(generator.Iter);
            Fold(generator.Ifs);
            generator.Iter = FoldIterable(generator.Iter);
        }
    }

    private void Fold(Pattern pattern)
    {
        context.Enter();
        switch (pattern)
        {
            case MatchValuePattern p:
                p.Value = Fold(p.Value);
                break;
            case MatchSequencePattern p:
                Fold(p.Patterns);
                break;
            case MatchMappingPattern p:
                FoldOptional(p.Keys);
                Fold(p.Patterns);
                break;
            case MatchClassPattern p:
                p.Cls = Fold(p.Cls);
                Fold(p.Patterns);
                Fold(p.KwdPatterns);
                break;
            case MatchAsPattern p:
                if (p.Pattern != null)
                    Fold(p.Pattern);
                break;
            case MatchOrPattern p:
                Fold(p.Patterns);
                break;
        }

        context.Leave();
    }

    private void Fold(Pattern[] patterns)
    {
        foreach (var pattern in patterns)
            Fold(pattern);
    }

    private Expr Fold(Expr expression)
    {
        if (expression is ConstantExpr)
            return expression;
        context.Enter();
        var result = FoldInner(expression);
        context.Leave();
        return result;
    }

    private Expr FoldInner(Expr expression)
    {
        switch (expression)
        {
            case NameExpr e:
                if (e.Ctx == ExprContext.Load && e.Id == "__debug__")
                    return new ConstantExpr(ConstantValue.Of(context.Options.Optimize == 0), null, e.Span);
                break;
            case AttributeExpr e:
                e.Value = Fold(e.Value);
                break;
            case CallExpr e:
                e.Func = Fold(e.Func);
                Fold(e.Args);
                Fold(e.Keywords);
                break;
            case BoolOpExpr e:
                Fold(e.Values);
                break;
            case BinOpExpr e:
                e.Left = Fold(e.Left);
                e.Right = Fold(e.Right);
                return FoldBinary(e);
            case UnaryOpExpr e:
                e.Operand = Fold(e.Operand);
                return FoldUnary(e);
            case LambdaExpr e:
                Fold(e.Args);
                e.Body = Fold(e.Body);
                break;
            case IfExpExpr e:
                e.Test = Fold(e.Test);
                e.Body = Fold(e.Body);
                e.Orelse = Fold(e.Orelse);
                break;
            case DictExpr e:
                FoldOptional(e.Keys);
                Fold(e.Values);
                break;
            case SetExpr e:
                Fold(e.Elts);
                break;
            case ListCompExpr e:
                e.Elt = Fold(e.Elt);
                Fold(e.Generators);
                break;
            case SetCompExpr e:
                e.Elt = Fold(e.Elt);
                Fold(e.Generators);
                break;
            case DictCompExpr e:
                e.Key = Fold(e.Key);
                e.Value = Fold(e.Value);
                Fold(e.Generators);
                break;
            case GeneratorExpExpr e:
                e.Elt = Fold(e.Elt);
                Fold(e.Generators);
                break;
            case AwaitExpr e:
                e.Value = Fold(e.Value);
                break;
            case YieldExpr e:
                e.Value = FoldOptional(e.Value);
                break;
            case YieldFromExpr e:
                e.Value = Fold(e.Value);
                break;
            case CompareExpr e:
                e.Left = Fold(e.Left);
                Fold(e.Comparators);
                if (e.Ops[^1] is CompareOperator.In or CompareOperator.NotIn)
                    e.Comparators[^1] = FoldIterable(e.Comparators[^1]);
                break;
            case FormattedValueExpr e:
                e.Value = Fold(e.Value);
                e.FormatSpec = FoldOptional(e.FormatSpec);
                break;
            case JoinedStrExpr e:
                Fold(e.Values);
                break;
            case SubscriptExpr e:
                e.Value = Fold(e.Value);
                e.Slice = Fold(e.Slice);
                if (e is { Ctx: ExprContext.Load, Value: ConstantExpr value, Slice: ConstantExpr index } &&
                    ConstantArithmetic.TrySubscript(value.Value, index.Value, out var item))
                    return new ConstantExpr(item, null, e.Span);
                break;
            case StarredExpr e:
                e.Value = Fold(e.Value);
                break;
            case SliceExpr e:
                e.Lower = FoldOptional(e.Lower);
                e.Upper = FoldOptional(e.Upper);
                e.Step = FoldOptional(e.Step);
                break;
            case ListExpr e:
                Fold(e.Elts);
                break;
            case TupleExpr e:
                Fold(e.Elts);
                if (e.Ctx == ExprContext.Load && TryConstants(e.Elts) is { } items)
                    return new ConstantExpr(new TupleConstant(items), null, e.Span);
                break;
            case NamedExprExpr e:
                e.Value = Fold(e.Value);
                break;
        }

        return expression;
    }

    private static object?[]? TryConstants(Expr[] elements)
    {
        foreach (var element in elements)
        {
            if (element is not ConstantExpr)
                return null;
        }

        return Array.ConvertAll(elements, e => ((ConstantExpr)e).Value);
    }

    // Something that is only iterated or searched: a list may as well be a tuple, a set a frozenset.
    private static Expr FoldIterable(Expr e)
    {
        switch (e)
        {
            case ListExpr list when !Array.Exists(list.Elts, x => x is StarredExpr):
                return TryConstants(list.Elts) is { } items
                    ? new ConstantExpr(new TupleConstant(items), null, list.Span)
                    : new TupleExpr(list.Elts, list.Ctx, list.Span);
            case SetExpr set when TryConstants(set.Elts) is { } members:
                return new ConstantExpr(ConstantEquality.MakeFrozenSet(members), null, set.Span);
            default:
                return e;
        }
    }

    private static Expr FoldUnary(UnaryOpExpr e)
    {
        if (e.Operand is ConstantExpr constant)
        {
            return ConstantArithmetic.TryUnary(e.Op, constant.Value, out var result) ? new ConstantExpr(result, null, e.Span) : e;
        }

        if (e.Op != UnaryOperator.Not || e.Operand is not CompareExpr { Ops.Length: 1 } compare)
            return e;
        CompareOperator? opposite = compare.Ops[0] switch
        {
            CompareOperator.Is => CompareOperator.IsNot,
            CompareOperator.IsNot => CompareOperator.Is,
            CompareOperator.In => CompareOperator.NotIn,
            CompareOperator.NotIn => CompareOperator.In,
            _ => null,
        };
        if (opposite == null)
            return e;
        compare.Ops[0] = opposite.Value;
        return compare;
    }

    private static Expr FoldBinary(BinOpExpr e)
    {
        if (e.Left is not ConstantExpr left)
            return e;
        if (e.Op == Operator.Mod && e.Right is TupleExpr tuple && left.Value is string format && !Array.Exists(tuple.Elts, x => x is StarredExpr))
            return PercentFormat.TryFold(e, format, tuple.Elts) ?? (Expr)e;
        if (e.Right is not ConstantExpr right)
            return e;
        return ConstantArithmetic.TryBinary(e.Op, left.Value, right.Value, out var result) ? new ConstantExpr(result, null, e.Span) : e;
    }
}
