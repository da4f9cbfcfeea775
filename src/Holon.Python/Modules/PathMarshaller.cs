using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

namespace Holon.Python.Modules;

/// <summary>Names of files for C: bytes that are no UTF-8 are lone surrogates in a program's text (PEP 383) and become what they were.</summary>
[CustomMarshaller(typeof(string), MarshalMode.ManagedToUnmanagedIn, typeof(In))]
internal static class PathMarshaller
{
    public unsafe ref struct In
    {
        private byte* text;

        public void FromManaged(string? managed)
        {
            if (managed is null)
                return;
            var bytes = FileSystemCodec.Encode(PyStr.FromUtf16(managed));
            // SAFETY: one byte more than is copied, for the end; freed after the call.
            text = (byte*)NativeMemory.Alloc((nuint)bytes.Length + 1);
            bytes.CopyTo(new Span<byte>(text, bytes.Length));
            text[bytes.Length] = 0;
        }

        public readonly byte* ToUnmanaged() => text;

        public readonly void Free() => NativeMemory.Free(text);
    }
}
