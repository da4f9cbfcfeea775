using System.Runtime.InteropServices;

namespace Holon.Oracle.Generation;

/// <summary>Places a case's own memory content in the window.</summary>
public static class MemoryPatch
{
    /// <summary>Makes the first bytes of the case's patch the content at an address, cut to what lies in the window.</summary>
    public static void Place(ref TestCase test, ulong address, int length)
    {
        var patch = MemoryMarshal.CreateSpan(ref test.Patch[0], TestCase.PatchCapacity);
        var offset = (long)(address - AddressLayout.Window);
        var skip = (int)Math.Clamp(-offset, 0, length);
        var available = (int)Math.Clamp(AddressLayout.WindowSize - offset - skip, 0, length - skip);
        if (skip > 0) patch.Slice(skip, available).CopyTo(patch);
        test.PatchAddress = available == 0 ? AddressLayout.Window : address + (ulong)skip;
        test.PatchLength = available;
    }

    /// <summary>Makes a value the content at an address.</summary>
    public static void Place<T>(ref TestCase test, ulong address, params ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values);
        bytes.CopyTo(MemoryMarshal.CreateSpan(ref test.Patch[0], TestCase.PatchCapacity));
        Place(ref test, address, bytes.Length);
    }
}
