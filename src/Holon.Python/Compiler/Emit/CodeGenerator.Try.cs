using Holon.Python.Compiler.Ast;

namespace Holon.Python.Compiler;

// try, except*, finally and with. Handlers are set up by pseudo-instructions that become the exception table.
internal sealed partial class CodeGenerator
{
    private void Try(TryStmt s)
    {
        if (s.Finalbody.Length > 0)
            TryFinally(s.Finalbody, () => TryExceptOrBody(s));
        else
            TryExcept(s);
    }

    private void TryExceptOrBody(TryStmt s)
    {
        if (s.Handlers.Length > 0)
            TryExcept(s);
        else
            Visit(s.Body);
    }

    private void TryStar(TryStarStmt s)
    {
        if (s.Finalbody.Length > 0)
        {
            TryFinally(
                s.Finalbody,
                () =>
                {
                    if (s.Handlers.Length > 0)
                        TryStarExcept(s);
                    else
                        Visit(s.Body);
                });
        }
        else
        {
            TryStarExcept(s);
        }
    }

    // The final body stands twice: for leaving normally and for an exception.
    private void TryFinally(Stmt[] final, Action inner)
    {
        BasicBlock body = _unit.NewBlock(), end = _unit.NewBlock(), exit = _unit.NewBlock(), cleanup = _unit.NewBlock();
        _unit.AddJump(Op.SetupFinally, end);
        _unit.Use(body);
        PushFrameBlock(FrameBlockType.FinallyTry, body, end, final);
        inner();
        _unit.AddWithoutLine(Op.PopBlock);
        PopFrameBlock();
        Visit(final);
        _unit.AddJumpWithoutLine(Op.Jump, exit);

        _unit.Use(end);
        _unit.ClearSpan();
        _unit.AddJump(Op.SetupCleanup, cleanup);
        _unit.Add(Op.PushExcInfo);
        PushFrameBlock(FrameBlockType.FinallyEnd, end);
        Visit(final);
        PopFrameBlock();
        _unit.Add(Op.Reraise, 0);
        _unit.Use(cleanup);
        PopExceptAndReraise();
        _unit.Use(exit);
    }

    private void PopExceptAndReraise()
    {
        _unit.Add(Op.Copy, 3);
        _unit.Add(Op.PopExcept);
        _unit.Add(Op.Reraise, 1);
    }

    private void TryExcept(TryStmt s)
    {
        BasicBlock body = _unit.NewBlock(), except = _unit.NewBlock(), end = _unit.NewBlock(), cleanup = _unit.NewBlock();
        _unit.AddJump(Op.SetupFinally, except);
        _unit.Use(body);
        PushFrameBlock(FrameBlockType.TryExcept, body);
        Visit(s.Body);
        PopFrameBlock();
        _unit.AddWithoutLine(Op.PopBlock);
        Visit(s.Orelse);
        _unit.AddJumpWithoutLine(Op.Jump, end);

        _unit.Use(except);
        _unit.ClearSpan();
        _unit.AddJump(Op.SetupCleanup, cleanup);
        _unit.Add(Op.PushExcInfo);
        PushFrameBlock(FrameBlockType.ExceptionHandler, null);
        for (var i = 0; i < s.Handlers.Length; i++)
        {
            var handler = s.Handlers[i];
            _unit.Span = handler.Span;
            if (handler.Type == null && i < s.Handlers.Length - 1)
                throw Error("default 'except:' must be last");
            except = _unit.NewBlock();
            if (handler.Type != null)
            {
                Visit(handler.Type);
                _unit.Add(Op.CheckExcMatch);
                _unit.AddJump(Op.PopJumpIfFalse, except);
            }

            if (handler.Name != null)
                NamedHandler(handler, end);
            else
                UnnamedHandler(handler, end);
            _unit.Use(except);
        }

        _unit.ClearSpan();
        PopFrameBlock();
        _unit.Add(Op.Reraise, 0);
        _unit.Use(cleanup);
        PopExceptAndReraise();
        _unit.Use(end);
    }

    // except E as name: the name is deleted afterwards, exception or not.
    private void NamedHandler(ExceptHandler handler, BasicBlock end)
    {
        BasicBlock cleanupEnd = _unit.NewBlock(), cleanupBody = _unit.NewBlock();
        NameOperation(handler.Name!, ExprContext.Store);
        _unit.AddJump(Op.SetupCleanup, cleanupEnd);
        _unit.Use(cleanupBody);
        PushFrameBlock(FrameBlockType.HandlerCleanup, cleanupBody, null, handler.Name);
        Visit(handler.Body);
        PopFrameBlock();
        _unit.ClearSpan();
        _unit.Add(Op.PopBlock);
        _unit.Add(Op.PopBlock);
        _unit.Add(Op.PopExcept);
        ForgetName(handler.Name!);
        _unit.AddJump(Op.Jump, end);

        _unit.Use(cleanupEnd);
        _unit.ClearSpan();
        ForgetName(handler.Name!);
        _unit.Add(Op.Reraise, 1);
    }

    private void UnnamedHandler(ExceptHandler handler, BasicBlock end)
    {
        var cleanupBody = _unit.NewBlock();
        _unit.Add(Op.PopTop);
        _unit.Use(cleanupBody);
        PushFrameBlock(FrameBlockType.HandlerCleanup, cleanupBody);
        Visit(handler.Body);
        PopFrameBlock();
        _unit.ClearSpan();
        _unit.Add(Op.PopBlock);
        _unit.Add(Op.PopExcept);
        _unit.AddJump(Op.Jump, end);
    }

    private void TryStarExcept(TryStarStmt s)
    {
        BasicBlock body = _unit.NewBlock(), except = _unit.NewBlock(), orelse = _unit.NewBlock(), end = _unit.NewBlock(),
            cleanup = _unit.NewBlock(), reraiseStar = _unit.NewBlock();
        _unit.AddJump(Op.SetupFinally, except);
        _unit.Use(body);
        PushFrameBlock(FrameBlockType.TryExcept, body);
        Visit(s.Body);
        PopFrameBlock();
        _unit.AddWithoutLine(Op.PopBlock);
        _unit.AddJumpWithoutLine(Op.Jump, orelse);

        _unit.Use(except);
        _unit.ClearSpan();
        _unit.AddJump(Op.SetupCleanup, cleanup);
        _unit.Add(Op.PushExcInfo);
        PushFrameBlock(FrameBlockType.ExceptionGroupHandler, null);
        for (var i = 0; i < s.Handlers.Length; i++)
            except = StarHandler(s.Handlers[i], i == 0, i == s.Handlers.Length - 1, reraiseStar);

        _unit.ClearSpan();
        PopFrameBlock();
        var reraise = _unit.NewBlock();
        _unit.Use(reraiseStar);
        _unit.Add(Op.PrepReraiseStar);
        _unit.Add(Op.Copy, 1);
        _unit.AddJump(Op.PopJumpIfNotNone, reraise);

        // Nothing to reraise.
        _unit.Add(Op.PopTop);
        _unit.Add(Op.PopBlock);
        _unit.Add(Op.PopExcept);
        _unit.AddJump(Op.Jump, end);

        _unit.Use(reraise);
        _unit.Add(Op.PopBlock);
        _unit.Add(Op.Swap, 2);
        _unit.Add(Op.PopExcept);
        _unit.Add(Op.Reraise, 0);
        _unit.Use(cleanup);
        PopExceptAndReraise();
        _unit.Use(orelse);
        Visit(s.Orelse);
        _unit.Use(end);
    }

    // On the stack: the original group, the list of exceptions raised so far, the rest of the group.
    private BasicBlock StarHandler(ExceptHandler handler, bool isFirst, bool isLast, BasicBlock reraiseStar)
    {
        _unit.Span = handler.Span;
        BasicBlock except = _unit.NewBlock(), handleMatch = _unit.NewBlock();
        if (isFirst)
        {
            _unit.Add(Op.Copy, 1);
            _unit.Add(Op.BuildList, 0);
            _unit.Add(Op.Swap, 2);
        }

        if (handler.Type != null)
        {
            Visit(handler.Type);
            _unit.Add(Op.CheckEgMatch);
            _unit.Add(Op.Copy, 1);
            _unit.AddJump(Op.PopJumpIfNotNone, handleMatch);
            _unit.Add(Op.PopTop);
            _unit.AddJump(Op.Jump, except);
        }

        _unit.Use(handleMatch);
        BasicBlock cleanupEnd = _unit.NewBlock(), cleanupBody = _unit.NewBlock();
        if (handler.Name != null)
            NameOperation(handler.Name, ExprContext.Store);
        else
            _unit.Add(Op.PopTop);
        _unit.AddJump(Op.SetupCleanup, cleanupEnd);
        _unit.Use(cleanupBody);
        PushFrameBlock(FrameBlockType.HandlerCleanup, cleanupBody, null, handler.Name);
        Visit(handler.Body);
        PopFrameBlock();
        _unit.ClearSpan();
        _unit.Add(Op.PopBlock);
        if (handler.Name != null)
            ForgetName(handler.Name);
        _unit.AddJump(Op.Jump, except);

        _unit.Use(cleanupEnd);
        _unit.ClearSpan();
        if (handler.Name != null)
            ForgetName(handler.Name);
        _unit.Add(Op.ListAppend, 3);
        _unit.Add(Op.PopTop);
        _unit.AddJump(Op.Jump, except);
        _unit.Use(except);
        if (isLast)
        {
            _unit.Add(Op.ListAppend, 1);
            _unit.AddJump(Op.Jump, reraiseStar);
        }

        return except;
    }

    private void CallExitWithNones()
    {
        _unit.AddLoadConst(null);
        _unit.AddLoadConst(null);
        _unit.AddLoadConst(null);
        _unit.Add(Op.Precall, 2);
        _unit.Add(Op.Call, 2);
    }

    private void With(WithStmt s, WithItem[] items, Stmt[] body, int index)
    {
        DeepStack.Check();
        BasicBlock block = _unit.NewBlock(), final = _unit.NewBlock(), exit = _unit.NewBlock(), cleanup = _unit.NewBlock();
        Visit(items[index].ContextExpr);
        _unit.Add(Op.BeforeWith);
        _unit.AddJump(Op.SetupWith, final);
        _unit.Use(block);
        PushFrameBlock(FrameBlockType.With, block, final, s);
        WithTarget(items[index]);
        if (index + 1 == items.Length)
            Visit(body);
        else
            With(s, items, body, index + 1);
        _unit.ClearSpan();
        _unit.Add(Op.PopBlock);
        PopFrameBlock();

        _unit.Span = s.Span;
        CallExitWithNones();
        _unit.Add(Op.PopTop);
        _unit.AddJump(Op.Jump, exit);

        _unit.Use(final);
        _unit.AddJump(Op.SetupCleanup, cleanup);
        _unit.Add(Op.PushExcInfo);
        _unit.Add(Op.WithExceptStart);
        FinishWith(cleanup);
        _unit.Use(exit);
    }

    private void AsyncWith(AsyncWithStmt s, WithItem[] items, Stmt[] body, int index)
    {
        DeepStack.Check();
        RequireAsync("async with");
        BasicBlock block = _unit.NewBlock(), final = _unit.NewBlock(), exit = _unit.NewBlock(), cleanup = _unit.NewBlock();
        Visit(items[index].ContextExpr);
        _unit.Add(Op.BeforeAsyncWith);
        _unit.Add(Op.GetAwaitable, 1);
        _unit.AddLoadConst(null);
        YieldFrom(isAwait: true);
        _unit.AddJump(Op.SetupWith, final);
        _unit.Use(block);
        PushFrameBlock(FrameBlockType.AsyncWith, block, final, s);
        WithTarget(items[index]);
        if (index + 1 == items.Length)
            Visit(body);
        else
            AsyncWith(s, items, body, index + 1);
        PopFrameBlock();
        _unit.Add(Op.PopBlock);

        _unit.Span = s.Span;
        CallExitWithNones();
        _unit.Add(Op.GetAwaitable, 2);
        _unit.AddLoadConst(null);
        YieldFrom(isAwait: true);
        _unit.Add(Op.PopTop);
        _unit.AddJump(Op.Jump, exit);

        _unit.Use(final);
        _unit.AddJump(Op.SetupCleanup, cleanup);
        _unit.Add(Op.PushExcInfo);
        _unit.Add(Op.WithExceptStart);
        _unit.Add(Op.GetAwaitable, 2);
        _unit.AddLoadConst(null);
        YieldFrom(isAwait: true);
        FinishWith(cleanup);
        _unit.Use(exit);
    }

    private void WithTarget(WithItem item)
    {
        if (item.OptionalVars != null)
            Visit(item.OptionalVars);
        else
            _unit.Add(Op.PopTop);
    }

    private void FinishWith(BasicBlock cleanup)
    {
        _unit.ClearSpan();
        var exit = _unit.NewBlock();
        _unit.AddJump(Op.PopJumpIfTrue, exit);
        _unit.Add(Op.Reraise, 2);
        _unit.Use(cleanup);
        PopExceptAndReraise();
        _unit.Use(exit);
        _unit.Add(Op.PopTop);
        _unit.Add(Op.PopBlock);
        _unit.Add(Op.PopExcept);
        _unit.Add(Op.PopTop);
        _unit.Add(Op.PopTop);
    }
}
