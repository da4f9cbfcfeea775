using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

/// <summary>Checks a tree that a program made, before it is compiled: what the grammar guarantees for parsed ones.</summary>
internal sealed class AstValidator(CompilationContext context)
{
    public void Validate(Mod mod)
    {
        switch (mod)
        {
            case ModuleMod module:
                Validate(module.Body);
                break;
            case InteractiveMod interactive:
                Validate(interactive.Body);
                break;
            case ExpressionMod expression:
                Validate(expression.Body, ExprContext.Load);
                break;
            case FunctionTypeMod function:
                Validate(function.Argtypes, ExprContext.Load);
                Validate(function.Returns, ExprContext.Load);
                break;
        }
    }

    private static PythonCompileException Error(string message) => new(CompileErrorKind.ValueError, message);

    private static void ValidatePositions(SourceSpan s)
    {
        if (s.Line > s.EndLine)
            throw Error($"AST node line range ({s.Line}, {s.EndLine}) is not valid");
        if ((s.Line < 0 && s.EndLine != s.Line) || (s.Column < 0 && s.Column != s.EndColumn))
            throw Error($"AST node column range ({s.Column}, {s.EndColumn}) for line range ({s.Line}, {s.EndLine}) is not valid");
        if (s.Line == s.EndLine && s.Column > s.EndColumn)
            throw Error($"line {s.Line}, column {s.Column}-{s.EndColumn} is not a valid range");
    }

    private static void RequireItems(Array items, string what, string owner)
    {
        if (items.Length == 0)
            throw Error($"empty {what} on {owner}");
    }

    private void ValidateBody(Stmt[] body, string owner)
    {
        RequireItems(body, "body", owner);
        Validate(body);
    }

    private void Validate(Stmt?[] statements)
    {
        foreach (var statement in statements)
            Validate(statement ?? throw Error("None disallowed in statement list"));
    }

    private void Validate(Stmt statement)
    {
        ValidatePositions(statement.Span);
        context.Enter();
        switch (statement)
        {
            case FunctionDefStmt s:
                ValidateFunction("FunctionDef", s.Body, s.Args, s.DecoratorList, s.Returns);
                break;
            case AsyncFunctionDefStmt s:
                ValidateFunction("AsyncFunctionDef", s.Body, s.Args, s.DecoratorList, s.Returns);
                break;
            case ClassDefStmt s:
                ValidateBody(s.Body, "ClassDef");
                Validate(s.Bases, ExprContext.Load);
                Validate(s.Keywords);
                Validate(s.DecoratorList, ExprContext.Load);
                break;
            case ReturnStmt s:
                ValidateOptional(s.Value);
                break;
            case DeleteStmt s:
                RequireItems(s.Targets, "targets", "Delete");
                Validate(s.Targets, ExprContext.Del);
                break;
            case AssignStmt s:
                RequireItems(s.Targets, "targets", "Assign");
                Validate(s.Targets, ExprContext.Store);
                Validate(s.Value, ExprContext.Load);
                break;
            case AugAssignStmt s:
                Validate(s.Target, ExprContext.Store);
                Validate(s.Value, ExprContext.Load);
                break;
            case AnnAssignStmt s:
                if (s.Target is not NameExpr && s.Simple != 0)
                    throw new PythonCompileException(CompileErrorKind.TypeError, "AnnAssign with simple non-Name target");
                Validate(s.Target, ExprContext.Store);
                ValidateOptional(s.Value);
                Validate(s.Annotation, ExprContext.Load);
                break;
            case ForStmt s:
                ValidateFor("For", s.Target, s.Iter, s.Body, s.Orelse);
                break;
            case AsyncForStmt s:
                ValidateFor("AsyncFor", s.Target, s.Iter, s.Body, s.Orelse);
                break;
            case WhileStmt s:
                Validate(s.Test, ExprContext.Load);
                ValidateBody(s.Body, "While");
                Validate(s.Orelse);
                break;
            case IfStmt s:
                Validate(s.Test, ExprContext.Load);
                ValidateBody(s.Body, "If");
                Validate(s.Orelse);
                break;
            case WithStmt s:
                ValidateWith("With", s.Items, s.Body);
                break;
            case AsyncWithStmt s:
                ValidateWith("AsyncWith", s.Items, s.Body);
                break;
            case MatchStmt s:
                Validate(s.Subject, ExprContext.Load);
                RequireItems(s.Cases, "cases", "Match");
                foreach (var matchCase in s.Cases)
                {
                    Validate(matchCase.Pattern, starAllowed: false);
                    ValidateOptional(matchCase.Guard);
                    ValidateBody(matchCase.Body, "match_case");
                }

                break;
            case RaiseStmt s:
                if (s.Exc == null && s.Cause != null)
                    throw Error("Raise with cause but no exception");
                ValidateOptional(s.Exc);
                ValidateOptional(s.Cause);
                break;
            case TryStmt s:
                ValidateTry("Try", s.Body, s.Handlers, s.Orelse, s.Finalbody);
                break;
            case TryStarStmt s:
                ValidateTry("TryStar", s.Body, s.Handlers, s.Orelse, s.Finalbody);
                break;
            case AssertStmt s:
                Validate(s.Test, ExprContext.Load);
                ValidateOptional(s.Msg);
                break;
            case ImportStmt s:
                RequireItems(s.Names, "names", "Import");
                break;
            case ImportFromStmt s:
                if (s.Level < 0)
                    throw Error("Negative ImportFrom level");
                RequireItems(s.Names, "names", "ImportFrom");
                break;
            case GlobalStmt s:
                RequireItems(s.Names, "names", "Global");
                break;
            case NonlocalStmt s:
                RequireItems(s.Names, "names", "Nonlocal");
                break;
            case ExprStmt s:
                Validate(s.Value, ExprContext.Load);
                break;
        }

        context.Leave();
    }

    private void ValidateFunction(string owner, Stmt[] body, Arguments args, Expr[] decorators, Expr? returns)
    {
        ValidateBody(body, owner);
        Validate(args);
        Validate(decorators, ExprContext.Load);
        ValidateOptional(returns);
    }

    private void ValidateFor(string owner, Expr target, Expr iter, Stmt[] body, Stmt[] orelse)
    {
        Validate(target, ExprContext.Store);
        Validate(iter, ExprContext.Load);
        ValidateBody(body, owner);
        Validate(orelse);
    }

    private void ValidateWith(string owner, WithItem[] items, Stmt[] body)
    {
        RequireItems(items, "items", owner);
        foreach (var item in items)
        {
            Validate(item.ContextExpr, ExprContext.Load);
            if (item.OptionalVars != null)
                Validate(item.OptionalVars, ExprContext.Store);
        }

        ValidateBody(body, owner);
    }

    private void ValidateTry(string owner, Stmt[] body, ExceptHandler[] handlers, Stmt[] orelse, Stmt[] final)
    {
        ValidateBody(body, owner);
        if (handlers.Length == 0 && final.Length == 0)
            throw Error($"{owner} has neither except handlers nor finalbody");
        if (handlers.Length == 0 && orelse.Length > 0)
            throw Error($"{owner} has orelse but no except handlers");
        foreach (var handler in handlers)
        {
            if (owner == "Try")
                ValidatePositions(handler.Span);
            ValidateOptional(handler.Type);
            ValidateBody(handler.Body, "ExceptHandler");
        }

        Validate(final);
        Validate(orelse);
    }

    private void Validate(Arguments args)
    {
        ValidateArgs(args.Posonlyargs);
        ValidateArgs(args.Args);
        ValidateOptional(args.Vararg?.Annotation);
        ValidateArgs(args.Kwonlyargs);
        ValidateOptional(args.Kwarg?.Annotation);
        if (args.Defaults.Length > args.Posonlyargs.Length + args.Args.Length)
            throw Error("more positional defaults than args on arguments");
        if (args.KwDefaults.Length != args.Kwonlyargs.Length)
            throw Error("length of kwonlyargs is not the same as kw_defaults on arguments");
        Validate(args.Defaults, ExprContext.Load);
        foreach (var value in args.KwDefaults)
            ValidateOptional(value);
    }

    private void ValidateArgs(Arg[] args)
    {
        foreach (var arg in args)
        {
            ValidatePositions(arg.Span);
            ValidateOptional(arg.Annotation);
        }
    }

    private void Validate(Keyword[] keywords)
    {
        foreach (var keyword in keywords)
            Validate(keyword.Value, ExprContext.Load);
    }

    private void Validate(Comprehension[] generators)
    {
        if (generators.Length == 0)
            throw Error("comprehension with no generators");
        foreach (var generator in generators)
        {
            Validate(generator.Target, ExprContext.Store);
            Validate(generator.Iter, ExprContext.Load);
            Validate(generator.Ifs, ExprContext.Load);
        }
    }

    private void ValidateOptional(Expr? e)
    {
        if (e != null)
            Validate(e, ExprContext.Load);
    }

    private void Validate(Expr?[] expressions, ExprContext use)
    {
        foreach (var e in expressions)
            Validate(e ?? throw Error("None disallowed in expression list"), use);
    }

    private void Validate(Expr expression, ExprContext use)
    {
        ValidatePositions(expression.Span);
        context.Enter();
        ValidateContext(expression, use);
        switch (expression)
        {
            case BoolOpExpr e:
                if (e.Values.Length < 2)
                    throw Error("BoolOp with less than 2 values");
                Validate(e.Values, ExprContext.Load);
                break;
            case BinOpExpr e:
                Validate(e.Left, ExprContext.Load);
                Validate(e.Right, ExprContext.Load);
                break;
            case UnaryOpExpr e:
                Validate(e.Operand, ExprContext.Load);
                break;
            case LambdaExpr e:
                Validate(e.Args);
                Validate(e.Body, ExprContext.Load);
                break;
            case IfExpExpr e:
                Validate(e.Test, ExprContext.Load);
                Validate(e.Body, ExprContext.Load);
                Validate(e.Orelse, ExprContext.Load);
                break;
            case DictExpr e:
                if (e.Keys.Length != e.Values.Length)
                    throw Error("Dict doesn't have the same number of keys as values");
                foreach (var key in e.Keys)
                    ValidateOptional(key);
                Validate(e.Values, ExprContext.Load);
                break;
            case SetExpr e:
                Validate(e.Elts, ExprContext.Load);
                break;
            case ListCompExpr e:
                Validate(e.Generators);
                Validate(e.Elt, ExprContext.Load);
                break;
            case SetCompExpr e:
                Validate(e.Generators);
                Validate(e.Elt, ExprContext.Load);
                break;
            case GeneratorExpExpr e:
                Validate(e.Generators);
                Validate(e.Elt, ExprContext.Load);
                break;
            case DictCompExpr e:
                Validate(e.Generators);
                Validate(e.Key, ExprContext.Load);
                Validate(e.Value, ExprContext.Load);
                break;
            case YieldExpr e:
                ValidateOptional(e.Value);
                break;
            case YieldFromExpr e:
                Validate(e.Value, ExprContext.Load);
                break;
            case AwaitExpr e:
                Validate(e.Value, ExprContext.Load);
                break;
            case CompareExpr e:
                if (e.Comparators.Length == 0)
                    throw Error("Compare with no comparators");
                if (e.Comparators.Length != e.Ops.Length)
                    throw Error("Compare has a different number of comparators and operands");
                Validate(e.Comparators, ExprContext.Load);
                Validate(e.Left, ExprContext.Load);
                break;
            case CallExpr e:
                Validate(e.Func, ExprContext.Load);
                Validate(e.Args, ExprContext.Load);
                Validate(e.Keywords);
                break;
            case ConstantExpr e:
                ValidateConstant(e.Value);
                break;
            case JoinedStrExpr e:
                Validate(e.Values, ExprContext.Load);
                break;
            case FormattedValueExpr e:
                Validate(e.Value, ExprContext.Load);
                ValidateOptional(e.FormatSpec);
                break;
            case AttributeExpr e:
                Validate(e.Value, ExprContext.Load);
                break;
            case SubscriptExpr e:
                Validate(e.Slice, ExprContext.Load);
                Validate(e.Value, ExprContext.Load);
                break;
            case StarredExpr e:
                Validate(e.Value, use);
                break;
            case SliceExpr e:
                ValidateOptional(e.Lower);
                ValidateOptional(e.Upper);
                ValidateOptional(e.Step);
                break;
            case ListExpr e:
                Validate(e.Elts, use);
                break;
            case TupleExpr e:
                Validate(e.Elts, use);
                break;
            case NamedExprExpr e:
                Validate(e.Value, ExprContext.Load);
                break;
        }

        context.Leave();
    }

    private static void ValidateContext(Expr expression, ExprContext use)
    {
        ExprContext? actual = expression switch
        {
            AttributeExpr e => e.Ctx,
            SubscriptExpr e => e.Ctx,
            StarredExpr e => e.Ctx,
            NameExpr e => e.Ctx,
            ListExpr e => e.Ctx,
            TupleExpr e => e.Ctx,
            _ => null,
        };
        if (expression is NameExpr name)
            ValidateName(name.Id);
        if (actual == null && use != ExprContext.Load)
            throw Error($"expression which can't be assigned to in {use} context");
        if (actual != null && actual != use)
            throw Error($"expression must have {use} context but has {actual} instead");
    }

    private static void ValidateName(string name)
    {
        if (name is "None" or "True" or "False")
            throw Error($"identifier field can't represent '{name}' constant");
    }

    private void ValidateConstant(object? value)
    {
        if (value is null or bool or long or BigInteger or double or Complex or string or CodePointString or byte[] or EllipsisConstant)
            return;
        var items = value switch
        {
            TupleConstant tuple => tuple.Items,
            FrozenSetConstant set => set.Items,
            _ => throw new PythonCompileException(CompileErrorKind.TypeError, $"got an invalid type in Constant: {value.GetType().Name}"),
        };
        context.Enter();
        foreach (var item in items)
            ValidateConstant(item);
        context.Leave();
    }

    private void Validate(Pattern[] patterns, bool starAllowed)
    {
        foreach (var pattern in patterns)
            Validate(pattern, starAllowed);
    }

    private void Validate(Pattern pattern, bool starAllowed)
    {
        ValidatePositions(pattern.Span);
        context.Enter();
        switch (pattern)
        {
            case MatchValuePattern p:
                ValidateMatchValue(p.Value);
                break;
            case MatchSingletonPattern p:
                if (p.Value is not (null or bool))
                    throw Error("MatchSingleton can only contain True, False and None");
                break;
            case MatchSequencePattern p:
                Validate(p.Patterns, starAllowed: true);
                break;
            case MatchMappingPattern p:
                ValidateMapping(p);
                break;
            case MatchClassPattern p:
                ValidateClass(p);
                break;
            case MatchStarPattern p:
                if (!starAllowed)
                    throw Error("can't use MatchStar here");
                ValidateCapture(p.Name);
                break;
            case MatchAsPattern p:
                ValidateCapture(p.Name);
                if (p.Pattern == null)
                    break;
                if (p.Name == null)
                    throw Error("MatchAs must specify a target name if a pattern is given");
                Validate(p.Pattern, starAllowed: false);
                break;
            case MatchOrPattern p:
                if (p.Patterns.Length < 2)
                    throw Error("MatchOr requires at least 2 patterns");
                Validate(p.Patterns, starAllowed: false);
                break;
        }

        context.Leave();
    }

    private void ValidateMapping(MatchMappingPattern p)
    {
        if (p.Keys.Length != p.Patterns.Length)
            throw Error("MatchMapping doesn't have the same number of keys as patterns");
        ValidateCapture(p.Rest);
        foreach (var key in p.Keys)
        {
            if (key is not ConstantExpr { Value: null or bool })
                ValidateMatchValue(key ?? throw Error("None disallowed in expression list"));
        }

        Validate(p.Patterns, starAllowed: false);
    }

    private void ValidateClass(MatchClassPattern p)
    {
        if (p.KwdAttrs.Length != p.KwdPatterns.Length)
            throw Error("MatchClass doesn't have the same number of keyword attributes as patterns");
        Validate(p.Cls, ExprContext.Load);
        var cls = p.Cls;
        while (cls is AttributeExpr attribute)
            cls = attribute.Value;
        if (cls is not NameExpr)
            throw Error("MatchClass cls field can only contain Name or Attribute nodes.");
        foreach (var name in p.KwdAttrs)
            ValidateName(name);
        Validate(p.Patterns, starAllowed: false);
        Validate(p.KwdPatterns, starAllowed: false);
    }

    private static void ValidateCapture(string? name)
    {
        if (name == "_")
            throw Error("can't capture name '_' in patterns");
        if (name != null)
            ValidateName(name);
    }

    private void ValidateMatchValue(Expr value)
    {
        Validate(value, ExprContext.Load);
        switch (value)
        {
            case ConstantExpr { Value: long or BigInteger or double or Complex or byte[] or string or CodePointString }:
            case AttributeExpr or JoinedStrExpr:
            case UnaryOpExpr { Op: UnaryOperator.USub, Operand: ConstantExpr { Value: long or BigInteger or double or Complex } }:
            case BinOpExpr { Op: Operator.Add or Operator.Sub, Right: ConstantExpr { Value: Complex } } sum when IsReal(sum.Left):
                return;
            case ConstantExpr:
                throw Error("unexpected constant inside of a literal pattern");
            default:
                throw Error("patterns may only match literals and attribute lookups");
        }
    }

    private static bool IsReal(Expr e) => e is ConstantExpr { Value: long or BigInteger or double } or
        UnaryOpExpr { Op: UnaryOperator.USub, Operand: ConstantExpr { Value: long or BigInteger or double } };
}
