using Holon.Jvm.Natives;

namespace Holon.Jvm.Runtime;

/// <summary>Objects of ours that Java code knows by a number.</summary>
public sealed unsafe partial class JavaMachine
{
    private readonly Dictionary<long, object> _handles = [];
    private long _lastHandle;

    internal long NewHandle(object o)
    {
        lock (_handles)
        {
            _handles[++_lastHandle] = o;
            return _lastHandle;
        }
    }

    internal T Handle<T>(long number)
        where T : class
    {
        lock (_handles) return _handles.GetValueOrDefault(number) as T ?? throw JThread.Current.Error("java/lang/InternalError", $"stale handle {number}");
    }

    internal void FreeHandle(long number)
    {
        lock (_handles) _handles.Remove(number);
    }

    /// <summary>Starts a compressor or decompressor afresh.</summary>
    internal void ResetHandle<T>(long number)
        where T : class
    {
        var old = Handle<T>(number);
        lock (_handles) _handles[number] = old is ZipNatives.DeflateState d ? new ZipNatives.DeflateState(d.Level, d.Raw) : new InflateStream(((InflateStream)(object)old).IsRaw);
    }
}
