using Holon.Jvm.Interpreter;
using Holon.Jvm.Runtime;

namespace Holon.Jvm.Diagnostics;

/// <summary>A frame of a stack with the objects that it has locked, as far as is known.</summary>
internal readonly record struct LockedFrame(StackTraces.Entry Entry, IReadOnlyList<object> Locked);

/// <summary>
/// Stacks of other threads. A thread that runs is asked, and tells its own at its next safepoint; one that waits stands still, and
/// its frames are read from outside. Those are memory that lives as long as the machine and hold addresses that do, so that a frame
/// read while it changes gives a wrong line, never a wrong access.
/// </summary>
internal static unsafe class ThreadStacks
{
    /// <summary>How long a thread is waited for before its stack is read as it is: it may be in a system call.</summary>
    private const int Patience = 200, Step = 5;

    /// <summary>A question to a thread, answered by it.</summary>
    internal sealed class Request
    {
        public readonly TaskCompletionSource<List<LockedFrame>> Answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>A thread's stack, innermost frame first; empty when it has ended.</summary>
    public static List<LockedFrame> Of(JThread t)
    {
        var self = JThread.CurrentOrNull;
        if (t == self) return Read(t, true);
        if (t.IsWaiting) return ReadFromOutside(t);
        var request = new Request();
        t.Asked = request;
        for (var waited = 0; waited < Patience; waited += Step)
        {
            t.Budget = 0;
            t.AskToPoll();
            if (request.Answer.Task.Wait(Step)) return request.Answer.Task.Result;
            self?.AnswerRequest();
            if (t.IsWaiting || t.Machine.Ending) break;
        }
        return ReadFromOutside(t);
    }

    private static List<LockedFrame> ReadFromOutside(JThread t)
    {
        // A thread gives its frames back only when it is no longer one of the machine's.
        return t.Machine.WhileAlive(t, static t => Read(t, false)) ?? [];
    }

    /// <summary>The stack as it is; only a thread itself can tell which objects it has locked.</summary>
    public static List<LockedFrame> Read(JThread t, bool isOwn)
    {
        var list = new List<LockedFrame>();
        var held = isOwn ? null : t.HeldWhenBlocked;
        for (var frame = t.Top; frame >= t.BottomFrame; frame--)
        {
            try
            {
                if (frame->IsCompiled)
                {
                    for (var site = frame->Site; site != null; site = site->Outer)
                    {
                        var at = site->Method->Managed;
                        if (!at.IsHidden) list.Add(new LockedFrame(new StackTraces.Entry(at, site->Bci), []));
                    }
                    continue;
                }
                var method = frame->M->Managed;
                if (method.IsHidden) continue;
                var entry = new StackTraces.Entry(method, frame->Pc == null || method.Decoded == null ? -1 : method.Decoded.BciAt(frame->Pc));
                list.Add(new LockedFrame(entry, isOwn ? Locked(frame) : held?.GetValueOrDefault((nint)frame) ?? []));
            }
            catch (Exception e) when (e is NullReferenceException or IndexOutOfRangeException)
            {
                break; // the thread has gone on
            }
        }
        return list;
    }

    /// <summary>What the current thread has locked, by frame: noted before it waits for long, because no other thread can find out.</summary>
    public static Dictionary<nint, IReadOnlyList<object>> HeldBy(JThread t)
    {
        var held = new Dictionary<nint, IReadOnlyList<object>>();
        for (var frame = t.Top; frame >= t.BottomFrame; frame--)
        {
            if (!frame->IsCompiled && Locked(frame) is { Count: > 0 } locked) held[(nint)frame] = locked;
        }
        return held;
    }

    /// <summary>Objects in a frame of the current thread whose monitors it is in, when the method enters any.</summary>
    private static List<object> Locked(Frame* frame)
    {
        var method = frame->M->Managed;
        if (frame->Pc == null || method.Decoded is not { } code || !(method.IsSynchronized || code.EntersMonitors)) return [];
        var found = new List<object>();
        for (var i = 0; i < frame->M->FrameSlots; i++)
        {
            if (frame->R[i] is { } o && Monitor.IsEntered(o) && !found.Contains(o)) found.Add(o);
        }
        return found;
    }
}
