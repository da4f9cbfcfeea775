using System.Runtime.InteropServices;

namespace Holon.Jvm.Runtime;

/// <summary>Memory outside the heap that Java code asks for (direct buffers, compressors): counted, and freed with the machine.</summary>
public sealed unsafe partial class JavaMachine
{
    private readonly Dictionary<long, long> _javaMemory = [];

    internal long AllocateForJava(JThread t, long bytes)
    {
        if (HeapBound > 0 && Interlocked.Read(ref NativeBytes) + bytes > HeapBound) RefuseMemory(t);
        var address = (long)NativeMemory.Alloc((nuint)bytes);
        lock (_javaMemory) _javaMemory[address] = bytes;
        Interlocked.Add(ref NativeBytes, bytes);
        return address;
    }

    internal long ReallocateForJava(JThread t, long old, long bytes)
    {
        var address = AllocateForJava(t, bytes);
        if (old == 0) return address;
        long size;
        lock (_javaMemory) size = _javaMemory[old];
        Buffer.MemoryCopy((void*)old, (void*)address, bytes, Math.Min(size, bytes));
        FreeForJava(old);
        return address;
    }

    internal void FreeForJava(long address)
    {
        long bytes;
        lock (_javaMemory)
        {
            if (!_javaMemory.Remove(address, out bytes)) return;
        }
        NativeMemory.Free((void*)address);
        Interlocked.Add(ref NativeBytes, -bytes);
    }

    private void FreeJavaMemory()
    {
        lock (_javaMemory)
        {
            foreach (var address in _javaMemory.Keys) NativeMemory.Free((void*)address);
            _javaMemory.Clear();
        }
    }
}
