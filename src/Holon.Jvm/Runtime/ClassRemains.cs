using System.Runtime.InteropServices;

namespace Holon.Jvm.Runtime;

/// <summary>
/// What is left of a <see cref="ClassMemory"/> when the collector has taken it: native memory to be freed, and the addresses that caches may still hold. It keeps no
/// class alive, and knows the memory by a handle that leads to it for as long as anything can reach it, objects whose finalizers have yet to
/// run included.
/// </summary>
internal sealed unsafe class ClassRemains(ClassMemory memory)
{
    // All but the native memory is guarded by ClassUnloading's lock.
    public readonly List<nint> Classes = [];
    public readonly List<string> Names = [];
    public readonly List<(nint Start, nint End)> Chunks = [];

    /// <summary>How many collections there had been when caches were cleared of it.</summary>
    public int ClearedAt;

    private readonly List<nint> _native = [];
    private GCHandle _memory = GCHandle.Alloc(memory, GCHandleType.WeakTrackResurrection);

    /// <summary>The memory; null when nothing can reach it any more.</summary>
    public ClassMemory? Memory => _memory.Target as ClassMemory;

    /// <summary>Native memory, zeroed.</summary>
    public void* NewBlock(int bytes)
    {
        var block = NativeMemory.AllocZeroed((nuint)bytes);
        lock (_native) _native.Add((nint)block);
        return block;
    }

    /// <summary>Frees what the collector does not see. Nothing may use the classes any more.</summary>
    public void Free()
    {
        lock (_native)
        {
            foreach (var block in _native) NativeMemory.Free((void*)block);
            _native.Clear();
            if (_memory.IsAllocated) _memory.Free();
        }
    }
}
