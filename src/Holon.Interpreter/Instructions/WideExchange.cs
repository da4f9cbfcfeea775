using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Holon.Interpreter.Instructions;

/// <summary>
/// CMPXCHG16B by the host's own instruction, which .NET does not offer: a few bytes of machine code in a page of their own. Hosts of other kinds, and such that
/// refuse executable memory, have a lock instead, under which such operations exclude each other only.
/// </summary>
internal static unsafe partial class WideExchange
{
    private const int ProtRead = 1, ProtWrite = 2, ProtExecute = 4, MapPrivate = 2, MapAnonymous = 0x20;

    private static readonly delegate* unmanaged<UInt128*, UInt128*, UInt128*, int> _host = Make();

    /// <summary>bool CompareExchange(memory: RDI, expected: RSI, value: RDX), which leaves what memory held in *expected.</summary>
    private static ReadOnlySpan<byte> Code =>
    [
        0x53, // push rbx
        0x49, 0x89, 0xD0, // mov r8, rdx
        0x48, 0x8B, 0x06, // mov rax, [rsi]
        0x48, 0x8B, 0x56, 0x08, // mov rdx, [rsi+8]
        0x49, 0x8B, 0x18, // mov rbx, [r8]
        0x49, 0x8B, 0x48, 0x08, // mov rcx, [r8+8]
        0xF0, 0x48, 0x0F, 0xC7, 0x0F, // lock cmpxchg16b [rdi]
        0x48, 0x89, 0x06, // mov [rsi], rax
        0x48, 0x89, 0x56, 0x08, // mov [rsi+8], rdx
        0x0F, 0x94, 0xC0, // sete al
        0x0F, 0xB6, 0xC0, // movzx eax, al
        0x5B, // pop rbx
        0xC3, // ret
    ];

    /// <summary>Stores a value if memory, aligned to 16 bytes, holds the one expected. Returns what it held.</summary>
    public static UInt128 CompareExchange(UInt128* memory, UInt128 expected, UInt128 value)
    {
        if (_host != null)
        {
            _ = _host(memory, &expected, &value);
            return expected;
        }

        lock (Atomic.BusLock)
        {
            var old = *memory;
            if (old == expected) *memory = value;
            return old;
        }
    }

    private static delegate* unmanaged<UInt128*, UInt128*, UInt128*, int> Make()
    {
        if (!X86Base.X64.IsSupported) return null;
        var page = Map(0, 4096, ProtRead | ProtWrite, MapPrivate | MapAnonymous, -1, 0);
        if (page == -1) return null;
        Code.CopyTo(new Span<byte>((void*)page, 4096));
        return Protect(page, 4096, ProtRead | ProtExecute) == 0 ? (delegate* unmanaged<UInt128*, UInt128*, UInt128*, int>)page : null;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint address, nuint length, int protection);
}
