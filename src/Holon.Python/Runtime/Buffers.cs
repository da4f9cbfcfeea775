namespace Holon.Python.Runtime;

/// <summary>The bytes of bytes-like arguments.</summary>
internal static class Buffers
{
    /// <summary>A copy of the bytes: the object may change while they are in use.</summary>
    public static byte[] Bytes(PyObject? o) => o is PyBytes bytes ? bytes.Content : Of(o).Bytes.ToArray();

    public static IBuffer Of(PyObject? o) => o as IBuffer ?? throw Err.Type($"a bytes-like object is required, not '{Args.TypeName(o)}'");

    /// <summary>A bytes-like object to write to.</summary>
    public static IBuffer Writable(PyObject? o) => o is IBuffer buffer and not PyBytes ? buffer : throw Err.Type($"a read-write bytes-like object is required, not '{Args.TypeName(o)}'");
}
