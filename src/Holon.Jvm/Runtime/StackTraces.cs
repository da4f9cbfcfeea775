using System.Text;
using Holon.Jvm.Heap;

namespace Holon.Jvm.Runtime;

/// <summary>What the frames of a thread are. A backtrace is a Java long[] of pairs: a method's address and a bytecode index.</summary>
internal static unsafe class StackTraces
{
    private const int MaxDepth = 1024;

    public readonly record struct Entry(JMethod Method, int Bci)
    {
        /// <summary>-2 in native methods, as Java counts.</summary>
        public int Line => Method.IsNative ? -2 : Method.LineOf(Bci);
    }

    /// <summary>Frames of a thread, innermost first.</summary>
    public static List<Entry> Walk(JThread t, bool withHidden = false, int limit = int.MaxValue)
    {
        var list = new List<Entry>();
        for (var frame = t.Top; frame >= t.BottomFrame && list.Count < limit; frame--)
        {
            var method = frame->M->Managed;
            if (method.IsHidden && !withHidden) continue;
            list.Add(new Entry(method, frame->Pc == null ? -1 : method.Decoded!.BciAt(frame->Pc)));
        }
        return list;
    }

    /// <summary>Throwable.fillInStackTrace: leaves itself and the constructors of the exception out.</summary>
    public static void Fill(JThread t, JObject throwable)
    {
        var known = t.Machine.Known;
        var frame = t.Top;
        while (frame >= t.BottomFrame && frame->M->Managed is { Name: "fillInStackTrace" }) frame--;
        while (frame >= t.BottomFrame && frame->M->Managed is { Name: "<init>" } init && init.Class.IsSubclassOf(known.Throwable) && ReferenceEquals(frame->R[0], throwable)) frame--;
        var buffer = new List<long>(32);
        for (; frame >= t.BottomFrame && buffer.Count < MaxDepth * 2; frame--)
        {
            var method = frame->M->Managed;
            if (method.IsHidden) continue;
            buffer.Add((long)frame->M);
            buffer.Add(frame->Pc == null ? -1 : method.Decoded!.BciAt(frame->Pc));
        }
        throwable.Ref(known.ThrowableBacktrace) = buffer.ToArray();
        throwable.Field<int>(known.ThrowableDepth) = buffer.Count / 2;
    }

    public static Entry[] Of(JThread t, JObject throwable)
    {
        if (throwable.Ref(t.Machine.Known.ThrowableBacktrace) is not long[] pairs) return [];
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
