using System.Runtime.InteropServices;
using Holon.Machines;
using Holon.Memory;

namespace Holon.Translator.Host;

/// <summary>
/// Memory for generated code, mapped twice from one memfd: once writable, once executable. No page is ever both
/// through one address, and the writable address is never told to generated code.
/// </summary>
internal sealed unsafe partial class CodeMemory : IDisposable
{
    /// <summary>Bytes that one block takes at most, of what is often and of what is seldom executed each.</summary>
    public const int MaxBlockBytes = 64 << 10;

    /// <summary>The part of the memory for what is often executed.</summary>
    public const int OftenPercent = 33;

    private const int ProtRead = 1, ProtExecute = 4, MapShared = 1;

    private readonly int _descriptor;
    private byte* _writable, _executable;

    /// <summary>Reserves the memory; the host's pages are taken when touched.</summary>
    /// <exception cref="HolonException">The host refuses executable memory.</exception>
    public CodeMemory(int bytes)
    {
        Bytes = bytes;
        _descriptor = HostMemory.CreateAnonymousFile("holon-code", (ulong)bytes);
        _writable = HostMemory.MapShared(_descriptor, (ulong)bytes);
        var executable = Mmap(0, (nuint)bytes, ProtRead | ProtExecute, MapShared, _descriptor, 0);
        if (executable == -1)
        {
            var reason = Marshal.GetLastPInvokeErrorMessage();
            HostMemory.Unmap(_writable, (ulong)bytes);
            HostMemory.Close(_descriptor);
            throw new HolonException($"The host refused executable memory for the translating engine ({reason}); use --engine interpreter.");
        }

        _executable = (byte*)executable;
        Distance = (nint)(_executable - _writable);
    }

    /// <summary>Bytes in all.</summary>
    public int Bytes { get; }

    /// <summary>Where code is written.</summary>
    public byte* Writable => _writable;

    /// <summary>What must be added to a writable address to get the executable one.</summary>
    public nint Distance { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_writable == null) return;
        HostMemory.Unmap(_writable, (ulong)Bytes);
        HostMemory.Unmap(_executable, (ulong)Bytes);
        HostMemory.Close(_descriptor);
        _writable = _executable = null;
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Mmap(nint address, nuint length, int protection, int flags, int descriptor, long offset);
}
