using System.Diagnostics;
using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

internal sealed partial class CodeGenerator
{
    private void Visit(Stmt[] statements)
    {
        foreach (var statement in statements)
            Visit(statement);
    }

    private void Visit(Stmt statement)
    {
        CheckStack();
        _unit.Span = statement.Span;
        switch (statement)
        {
            case FunctionDefStmt s:
                Function(s, s.Name, s.Args, s.Body, s.DecoratorList, s.Returns, UnitType.Function);
                break;
            case AsyncFunctionDefStmt s:
                Function(s, s.Name, s.Args, s.Body, s.DecoratorList, s.Returns, UnitType.AsyncFunction);
                break;
            case ClassDefStmt s:
                Class(s);
                break;
            case ReturnStmt s:
                Return(s);
                break;
            case DeleteStmt s:
                Visit(s.Targets);
                break;
            case AssignStmt s:
                Visit(s.Value);
                for (var i = 0; i < s.Targets.Length; i++)
                {
                    if (i < s.Targets.Length - 1)
                        _unit.Add(Op.Copy, 1);
                    Visit(s.Targets[i]);
                }

                break;
            case AugAssignStmt s:
                AugmentedAssign(s);
                break;
            case AnnAssignStmt s:
                AnnotatedAssign(s);
                break;
            case ForStmt s:
                For(s);
                break;
            case AsyncForStmt s:
                AsyncFor(s);
                break;
            case WhileStmt s:
                While(s);
                break;
            case IfStmt s:
                If(s);
                break;
            case MatchStmt s:
                Match(s);
                break;
            case RaiseStmt s:
                Raise(s);
                break;
            case TryStmt s:
                Try(s);
                break;
            case TryStarStmt s:
                TryStar(s);
                break;
            case AssertStmt s:
                Assert(s);
                break;
            case ImportStmt s:
                Import(s);
                break;
            case ImportFromStmt s:
                ImportFrom(s);
                break;
            case ExprStmt s:
                ExpressionStatement(s.Value);
                break;
            case PassStmt:
                _unit.Add(Op.Nop);
                break;
            case BreakStmt:
                Break();
                break;
            case ContinueStmt:
                Continue();
                break;
            case WithStmt s:
                With(s, s.Items, s.Body, 0);
                break;
            case AsyncWithStmt s:
                AsyncWith(s, s.Items, s.Body, 0);
                break;
        }
    }

    private void ExpressionStatement(Expr value)
    {
        if (_isInteractive && _nesting <= 1)
        {
            Visit(value);
            _unit.Add(Op.PrintExpr);
        }
        else if (value is ConstantExpr)
        {
            _unit.Add(Op.Nop);
        }
        else
        {
            Visit(value);
            _unit.ClearSpan();
            _unit.Add(Op.PopTop);
        }
    }

    private void PushFrameBlock(FrameBlockType type, BasicBlock? block, BasicBlock? exit = null, object? datum = null)
    {
        if (_unit.FrameBlocks.Count >= CodeUnit.MaxFrameBlocks)
            throw Error("too many statically nested blocks");
        _unit.FrameBlocks.Add(new FrameBlock(type, block, exit, datum));
    }

    private void PopFrameBlock() => _unit.FrameBlocks.RemoveAt(_unit.FrameBlocks.Count - 1);

    private void If(IfStmt s)
    {
        var end = _unit.NewBlock();
        var next = s.Orelse.Length > 0 ? _unit.NewBlock() : end;
        JumpIf(s.Test, next, false);
        Visit(s.Body);
        if (s.Orelse.Length > 0)
        {
            _unit.AddJumpWithoutLine(Op.Jump, end);
            _unit.Use(next);
            Visit(s.Orelse);
        }

        _unit.Use(end);
    }

    private void For(ForStmt s)
    {
        BasicBlock start = _unit.NewBlock(), body = _unit.NewBlock(), cleanup = _unit.NewBlock(), end = _unit.NewBlock();
        PushFrameBlock(FrameBlockType.ForLoop, start, end);
        Visit(s.Iter);
        _unit.Add(Op.GetIter);
        _unit.Use(start);
        _unit.AddJump(Op.ForIter, cleanup);
        _unit.Use(body);
        Visit(s.Target);
        Visit(s.Body);
        _unit.ClearSpan();
        _unit.AddJump(Op.Jump, start);
        _unit.Use(cleanup);
        PopFrameBlock();
        Visit(s.Orelse);
        _unit.Use(end);
    }

    private void AsyncFor(AsyncForStmt s)
    {
        RequireAsync("async for");
        BasicBlock start = _unit.NewBlock(), except = _unit.NewBlock(), end = _unit.NewBlock();
        Visit(s.Iter);
        _unit.Add(Op.GetAiter);
        _unit.Use(start);
        PushFrameBlock(FrameBlockType.ForLoop, start, end);
        _unit.AddJump(Op.SetupFinally, except);
        _unit.Add(Op.GetAnext);
        _unit.AddLoadConst(null);
        YieldFrom(isAwait: true);
        _unit.Add(Op.PopBlock);
        Visit(s.Target);
        Visit(s.Body);
        _unit.ClearSpan();
        _unit.AddJump(Op.Jump, start);
        PopFrameBlock();
        _unit.Use(except);
        _unit.Span = s.Iter.Span;
        _unit.Add(Op.EndAsyncFor);
        Visit(s.Orelse);
        _unit.Use(end);
    }

    private void RequireAsync(string what)
    {
        if (IsTopLevelAwait)
            _unit.Scope.IsCoroutine = true;
        else if (_unit.Type != UnitType.AsyncFunction)
            throw Error($"'{what}' outside async function");
    }

    private void While(WhileStmt s)
    {
        BasicBlock loop = _unit.NewBlock(), body = _unit.NewBlock(), anchor = _unit.NewBlock(), end = _unit.NewBlock();
        _unit.Use(loop);
        PushFrameBlock(FrameBlockType.WhileLoop, loop, end);
        JumpIf(s.Test, anchor, false);
        _unit.Use(body);
        Visit(s.Body);
        _unit.Span = s.Span;
        JumpIf(s.Test, body, true);
        PopFrameBlock();
        _unit.Use(anchor);
        Visit(s.Orelse);
        _unit.Use(end);
    }

    private void Return(ReturnStmt s)
    {
        var preserve = s.Value is not (null or ConstantExpr);
        if (_unit.Scope.Type != ScopeType.Function)
            throw Error("'return' outside function");
        if (s.Value != null && _unit.Scope is { IsCoroutine: true, IsGenerator: true })
            throw Error("'return' with value in async generator");
        if (preserve)
        {
            Visit(s.Value!);
        }
        else if (s.Value != null)
        {
            _unit.Span = s.Value.Span;
            _unit.Add(Op.Nop);
        }

        if (s.Value == null || s.Value.Span.Line != s.Span.Line)
        {
            _unit.Span = s.Span;
            _unit.Add(Op.Nop);
        }

        UnwindAll(preserve, stopAtLoop: false);
        if (s.Value == null)
            _unit.AddLoadConst(null);
        else if (!preserve)
            _unit.AddLoadConst(((ConstantExpr)s.Value).Value);
        _unit.Add(Op.ReturnValue);
    }

    private void Break()
    {
        var span = _unit.Span;
        _unit.Add(Op.Nop);
        if (UnwindAll(false, stopAtLoop: true) is not { } loop)
        {
            _unit.Span = span;
            throw Error("'break' outside loop");
        }

        Unwind(loop, false);
        _unit.AddJump(Op.Jump, loop.Exit!);
    }

    private void Continue()
    {
        var span = _unit.Span;
        _unit.Add(Op.Nop);
        if (UnwindAll(false, stopAtLoop: true) is not { } loop)
        {
            _unit.Span = span;
            throw Error("'continue' not properly in loop");
        }

        _unit.AddJump(Op.Jump, loop.Block!);
    }

    // Emits what leaving the statements around here takes, innermost first, up to a loop if one is sought.
    private FrameBlock? UnwindAll(bool preserveTop, bool stopAtLoop)
    {
        var blocks = _unit.FrameBlocks;
        if (blocks.Count == 0)
            return null;
        var top = blocks[^1];
        if (top.Type == FrameBlockType.ExceptionGroupHandler)
            throw Error("'break', 'continue' and 'return' cannot appear in an except* block");
        if (stopAtLoop && (top.Type is FrameBlockType.WhileLoop or FrameBlockType.ForLoop))
            return top;

        blocks.RemoveAt(blocks.Count - 1);
        Unwind(top, preserveTop);
        var loop = UnwindAll(preserveTop, stopAtLoop);
        blocks.Add(top);
        return loop;
    }

    private void Unwind(FrameBlock block, bool preserveTop)
    {
        switch (block.Type)
        {
            case FrameBlockType.WhileLoop or FrameBlockType.ExceptionHandler or FrameBlockType.ExceptionGroupHandler or
                FrameBlockType.AsyncComprehensionGenerator:
                return;
            case FrameBlockType.ForLoop or FrameBlockType.PopValue:
                SwapIf(preserveTop);
                _unit.Add(Op.PopTop);
                return;
            case FrameBlockType.TryExcept:
                _unit.Add(Op.PopBlock);
                return;
            case FrameBlockType.FinallyTry:
                _unit.Add(Op.PopBlock);
                if (preserveTop)
                    PushFrameBlock(FrameBlockType.PopValue, null);
                Visit((Stmt[])block.Datum!);
                if (preserveTop)
                    PopFrameBlock();
                _unit.ClearSpan();
                return;
            case FrameBlockType.FinallyEnd:
                SwapIf(preserveTop);
                _unit.Add(Op.PopTop);
                SwapIf(preserveTop);
                _unit.Add(Op.PopBlock);
                _unit.Add(Op.PopExcept);
                return;
            case FrameBlockType.With or FrameBlockType.AsyncWith:
                _unit.Span = ((Stmt)block.Datum!).Span;
                _unit.Add(Op.PopBlock);
                SwapIf(preserveTop);
                CallExitWithNones();
                if (block.Type == FrameBlockType.AsyncWith)
                {
                    _unit.Add(Op.GetAwaitable, 2);
                    _unit.AddLoadConst(null);
                    YieldFrom(isAwait: true);
                }

                _unit.Add(Op.PopTop);
                _unit.ClearSpan();
                return;
            case FrameBlockType.HandlerCleanup:
                if (block.Datum != null)
                    _unit.Add(Op.PopBlock);
                SwapIf(preserveTop);
                _unit.Add(Op.PopBlock);
                _unit.Add(Op.PopExcept);
                if (block.Datum != null)
                    ForgetName((string)block.Datum);
                return;
            default:
                throw new UnreachableException();
        }
    }

    private void SwapIf(bool condition)
    {
        if (condition)
            _unit.Add(Op.Swap, 2);
    }

    private void ForgetName(string name)
    {
        _unit.AddLoadConst(null);
        NameOperation(name, ExprContext.Store);
        NameOperation(name, ExprContext.Del);
    }

    private void Raise(RaiseStmt s)
    {
        var count = 0;
        if (s.Exc != null)
        {
            Visit(s.Exc);
            count++;
            if (s.Cause != null)
            {
                Visit(s.Cause);
                count++;
            }
        }

        _unit.Add(Op.RaiseVarargs, count);
    }

    private void Assert(AssertStmt s)
    {
        if (s.Test is TupleExpr { Elts.Length: > 0 } or ConstantExpr { Value: TupleConstant { Items.Length: > 0 } })
            Warn("assertion is always true, perhaps remove parentheses?");
        if (context.Options.Optimize > 0)
            return;
        var end = _unit.NewBlock();
        JumpIf(s.Test, end, true);
        _unit.Add(Op.LoadAssertionError);
        if (s.Msg != null)
        {
            Visit(s.Msg);
            _unit.Add(Op.Precall, 0);
            _unit.Add(Op.Call, 0);
        }

        _unit.Add(Op.RaiseVarargs, 1);
        _unit.Use(end);
    }

    private void Import(ImportStmt s)
    {
        foreach (var alias in s.Names)
        {
            _unit.AddLoadConst(ConstantValue.Of(0));
            _unit.AddLoadConst(null);
            _unit.AddName(Op.ImportName, alias.Name);
            var dot = alias.Name.IndexOf('.', StringComparison.Ordinal);
            if (alias.Asname != null)
                ImportAs(alias.Name, alias.Asname);
            else
                NameOperation(dot < 0 ? alias.Name : alias.Name[..dot], ExprContext.Store);
        }
    }

    // import a.b.c as d: takes b from a and c from that.
    private void ImportAs(string name, string asName)
    {
        var parts = name.Split('.');
        for (var i = 1; i < parts.Length; i++)
        {
            _unit.Add(Op.ImportFrom, CodeUnit.IndexOf(_unit.Names, parts[i]));
            if (i < parts.Length - 1)
            {
                _unit.Add(Op.Swap, 2);
                _unit.Add(Op.PopTop);
            }
        }

        NameOperation(asName, ExprContext.Store);
        if (parts.Length > 1)
            _unit.Add(Op.PopTop);
    }

    private void ImportFrom(ImportFromStmt s)
    {
        _unit.AddLoadConst(ConstantValue.Of(s.Level ?? 0));
        if (s.Span.Line > context.LastFutureLine && s.Module == "__future__")
            throw Error("from __future__ imports must occur at the beginning of the file");
        _unit.AddLoadConst(new TupleConstant([.. s.Names.Select(n => n.Name)]));
        _unit.AddName(Op.ImportName, s.Module ?? "");
        foreach (var alias in s.Names)
        {
            if (alias.Name == "*")
            {
                _unit.Add(Op.ImportStar);
                return;
            }

            _unit.AddName(Op.ImportFrom, alias.Name);
            NameOperation(alias.Asname ?? alias.Name, ExprContext.Store);
        }

        _unit.Add(Op.PopTop);
    }

    private void AugmentedAssign(AugAssignStmt s)
    {
        var span = _unit.Span;
        _unit.Span = s.Target.Span;
        switch (s.Target)
        {
            case AttributeExpr e:
                Visit(e.Value);
                _unit.Add(Op.Copy, 1);
                PointAtAttribute(e);
                _unit.AddName(Op.LoadAttr, e.Attr);
                break;
            case SubscriptExpr e:
                Visit(e.Value);
                Visit(e.Slice);
                _unit.Add(Op.Copy, 2);
                _unit.Add(Op.Copy, 2);
                _unit.Add(Op.BinarySubscr);
                break;
            case NameExpr e:
                NameOperation(e.Id, ExprContext.Load);
                break;
        }

        _unit.Span = span;
        Visit(s.Value);
        Binary(s.Op, inPlace: true);
        _unit.Span = s.Target.Span;
        switch (s.Target)
        {
            case AttributeExpr e:
                PointAtAttribute(e);
                _unit.Add(Op.Swap, 2);
                _unit.AddName(Op.StoreAttr, e.Attr);
                break;
            case SubscriptExpr:
                _unit.Add(Op.Swap, 3);
                _unit.Add(Op.Swap, 2);
                _unit.Add(Op.StoreSubscr);
                break;
            case NameExpr e:
                NameOperation(e.Id, ExprContext.Store);
                break;
        }
    }

    private void AnnotatedAssign(AnnAssignStmt s)
    {
        if (s.Value != null)
        {
            Visit(s.Value);
            Visit(s.Target);
        }

        var isEvaluated = _unit.Type is UnitType.Module or UnitType.Class;
        switch (s.Target)
        {
            case NameExpr e:
                RefuseDebug(e.Id, ExprContext.Store);
                if (s.Simple == 0 || !isEvaluated)
                    break;
                if (context.AnnotationsAreText)
                    _unit.AddLoadConst(Unparser.Unparse(s.Annotation));
                else
                    Visit(s.Annotation);
                _unit.AddName(Op.LoadName, "__annotations__");
                _unit.AddLoadConst(NameMangling.Mangle(_unit.ClassName, e.Id));
                _unit.Add(Op.StoreSubscr);
                break;
            case AttributeExpr e:
                RefuseDebug(e.Attr, ExprContext.Store);
                if (s.Value == null)
                    EvaluateAndDrop(e.Value);
                break;
            case SubscriptExpr e:
                if (s.Value == null)
                {
                    EvaluateAndDrop(e.Value);
                    EvaluateSubscript(e.Slice);
                }

                break;
        }

        if (s.Simple == 0 && isEvaluated && !context.AnnotationsAreText)
            EvaluateAndDrop(s.Annotation);
    }

    private void EvaluateAndDrop(Expr e)
    {
        Visit(e);
        _unit.Add(Op.PopTop);
    }

    private void EvaluateSubscript(Expr e)
    {
        switch (e)
        {
            case SliceExpr slice:
                if (slice.Lower != null)
                    EvaluateAndDrop(slice.Lower);
                if (slice.Upper != null)
                    EvaluateAndDrop(slice.Upper);
                if (slice.Step != null)
                    EvaluateAndDrop(slice.Step);
                break;
            case TupleExpr tuple:
                foreach (var element in tuple.Elts)
                    EvaluateSubscript(element);
                break;
            default:
                EvaluateAndDrop(e);
                break;
        }
    }
}
