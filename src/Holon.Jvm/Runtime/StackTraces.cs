using System.Text;
using Holon.Jvm.Heap;
using Holon.Jvm.Interpreter;

namespace Holon.Jvm.Runtime;

/// <summary>What the frames of a thread are. A backtrace is a Java long[] of pairs: a method's address and a bytecode index; or an Object[] with that and the classes it keeps.</summary>
internal static unsafe class StackTraces
{
    public readonly record struct Entry(JMethod Method, int Bci)
    {
        /// <summary>-2 in native methods, as Java counts.</summary>
        public int Line => Method.IsNative ? -2 : Method.LineOf(Bci);
    }

    /// <summary>
    /// Goes through a thread's frames, innermost first. A compiled frame stands for as many as were inlined at the place where it is.
    /// </summary>
    public ref struct Walker(JThread t)
    {
        private Frame* _next = t.Top;
        private Compiler.CodeSite* _site;

        public Entry Current { get; private set; }

        /// <summary>Where an interpreted method has its variables; null in compiled code.</summary>
        public Frame* Frame { get; private set; }

        public bool MoveNext()
        {
            if (_site == null)
            {
                if (_next < t.BottomFrame) return false;
                var frame = _next--;
                Frame = null;
                if (!frame->IsCompiled)
                {
                    Frame = frame;
                    var method = frame->M->Managed;
                    Current = new Entry(method, frame->Pc == null ? -1 : method.Decoded!.BciAt(frame->Pc));
                    return true;
                }
                _site = frame->Site;
            }
            Current = new Entry(_site->Method->Managed, _site->Bci);
            _site = _site->Outer;
            return true;
        }
    }

    /// <summary>Frames of a thread, innermost first.</summary>
    public static List<Entry> Walk(JThread t, bool withHidden = false, int limit = int.MaxValue)
    {
        var list = new List<Entry>();
        var walker = new Walker(t);
        while (list.Count < limit && walker.MoveNext())
        {
            if (!walker.Current.Method.IsHidden || withHidden) list.Add(walker.Current);
        }
        return list;
    }

    /// <summary>Throwable.fillInStackTrace: leaves itself and the constructors of the exception out.</summary>
    public static void Fill(JThread t, JObject throwable)
    {
        var known = t.Machine.Known;
        var kind = throwable.Class();
        var buffer = new List<long>(32);
        HashSet<object>? kept = null;
        var phase = 0;
        var deepest = t.Machine.Options.StackTraceDepth is > 0 and var depth ? depth : int.MaxValue / 2;
        var walker = new Walker(t);
        while (buffer.Count < deepest * 2 && walker.MoveNext())
        {
            var method = walker.Current.Method;
            if (phase == 0)
            {
                if (method.Name == "fillInStackTrace") continue;
                phase = 1;
            }
            if (phase == 1)
            {
                if (method.Name == "<init>" && kind.IsSubclassOf(method.Class)) continue;
                phase = 2;
            }
            if (method.IsHidden && !t.Machine.Options.ShowHiddenFrames) continue;
            buffer.Add((long)method.Slot);
            if (!method.Class.Memory.IsPermanent) (kept ??= []).Add(method.Class.Mirror);
            buffer.Add(walker.Current.Bci);
        }
        // Classes that may be unloaded are kept as long as the trace names them.
        throwable.Ref(known.ThrowableBacktrace) = kept == null ? buffer.ToArray() : JavaMachine.NewArray(t.Machine.ObjectClass, [buffer.ToArray(), .. kept]);
        throwable.Field<int>(known.ThrowableDepth) = buffer.Count / 2;
    }

    /// <summary>The pairs in what a Throwable has as its backtrace.</summary>
    public static long[]? Pairs(object? backtrace) => backtrace switch
    {
        long[] pairs => pairs,
        object?[] { Length: > 1 } withKept => withKept[1] as long[],
        _ => null,
    };

    public static Entry[] Of(JThread t, JObject throwable)
    {
        if (Pairs(throwable.Ref(t.Machine.Known.ThrowableBacktrace)) is not { } pairs) return [];
        var entries = new Entry[pairs.Length / 2];
        for (var i = 0; i < entries.Length; i++) entries[i] = new Entry(((MethodSlot*)pairs[i * 2])->Managed, (int)pairs[i * 2 + 1]);
        return entries;
    }

    /// <summary>The trace as text, made without running Java code.</summary>
    public static string Describe(JThread t, JObject throwable)
    {
        var text = new StringBuilder();
        foreach (var entry in Of(t, throwable))
            text.AppendLine(System.Globalization.CultureInfo.InvariantCulture, $"\tat {entry.Method.Class.JavaName}.{entry.Method.Name}({entry.Method.Class.File?.SourceFile}:{entry.Line})");
        if (throwable.Ref(t.Machine.Known.ThrowableCause) is JObject cause && cause != throwable)
            text.Append("Caused by: ").Append(cause.Class().JavaName).Append(": ").AppendLine(t.Machine.ThrowableMessage(cause)).Append(Describe(t, cause));
        return text.ToString();
    }
}
