using System.Runtime.CompilerServices;
using Holon.Memory;
using Holon.X86;
using Holon.X86.Paging;

namespace Holon.Interpreter;

// Access to guest memory by linear address: through the TLB when it can, else through the page tables, the devices and the
// record of which pages hold code. Host pointers come from GuestMemory page by page and are used within that page only.
public sealed unsafe partial class Interpreter
{
    /// <summary>Reads a value at a linear address. Raises the guest's faults.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal T Read<T>(ulong linear)
        where T : unmanaged
    {
        var entry = Tlb.Entry(_tlbSet, linear);
        return entry->ReadTag == ((linear + (ulong)(sizeof(T) - 1)) & ~0xFFFul)
            ? Unsafe.ReadUnaligned<T>((byte*)(linear + (ulong)entry->Addend))
            : ReadSlow<T>(linear);
    }

    /// <summary>Writes a value at a linear address. Raises the guest's faults, and then has written nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Write<T>(ulong linear, T value)
        where T : unmanaged
    {
        var entry = Tlb.Entry(_tlbSet, linear);
        if (entry->WriteTag == ((linear + (ulong)(sizeof(T) - 1)) & ~0xFFFul)) Unsafe.WriteUnaligned((byte*)(linear + (ulong)entry->Addend), value);
        else WriteSlow(linear, value);
    }

    /// <summary>
    /// Host address of a value that may be read and written in place, or null when the access crosses pages, is not RAM or
    /// touches code: then use <see cref="ReadForWrite{T}"/> and <see cref="Write{T}"/>. Raises the guest's faults of a write.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal T* TryPointer<T>(ulong linear)
        where T : unmanaged
    {
        var entry = Tlb.Entry(_tlbSet, linear);
        return entry->WriteTag == ((linear + (ulong)(sizeof(T) - 1)) & ~0xFFFul) ? (T*)(linear + (ulong)entry->Addend) : TryPointerSlow<T>(linear);
    }

    /// <summary>Host address of a byte that may be read, valid to the end of its page, or null when it is not RAM. Raises the guest's faults.</summary>
    internal byte* TryReadPointer(ulong linear)
    {
        var entry = Tlb.Entry(_tlbSet, linear);
        if (entry->ReadTag == (linear & ~0xFFFul)) return (byte*)(linear + (ulong)entry->Addend);
        return Resolve(CheckLinear(linear, 1, PageAccess.Read), PageAccess.Read, out _);
    }

    /// <summary>Reads a value that will be written back: faults as a write does.</summary>
    internal T ReadForWrite<T>(ulong linear)
        where T : unmanaged
    {
        ProbeWrite(linear, sizeof(T));
        return Read<T>(linear);
    }

    /// <summary>Raises the faults that a write of this range would raise, and writes nothing. At most one page boundary may be inside.</summary>
    internal void ProbeWrite(ulong linear, int size) => Probe(linear, size, PageAccess.Write);

    /// <summary>Raises the faults that a read of this range would raise.</summary>
    internal void ProbeRead(ulong linear, int size) => Probe(linear, size, PageAccess.Read);

    /// <summary>Reads from a descriptor table or TSS: at supervisor privilege whatever the CPL, and never from user pages under SMAP.</summary>
    internal T ReadSystem<T>(ulong linear)
        where T : unmanaged
    {
        var set = _tlbSet;
        var access = _dataAccess;
        UseSystemAccess();
        try
        {
            return Read<T>(linear);
        }
        finally
        {
            _tlbSet = set;
            _dataAccess = access;
        }
    }

    /// <summary>Writes to a descriptor table, a TSS or a privileged stack.</summary>
    internal void WriteSystem<T>(ulong linear, T value)
        where T : unmanaged
    {
        var set = _tlbSet;
        var access = _dataAccess;
        UseSystemAccess();
        try
        {
            Write(linear, value);
        }
        finally
        {
            _tlbSet = set;
            _dataAccess = access;
        }
    }

    private void UseSystemAccess()
    {
        var smap = (State.Cr4 & Cr4.Smap) != 0;
        _tlbSet = _tlb.Set(_watchpoints ? Tlb.NeverFilled : smap ? Tlb.SupervisorWithSmap : Tlb.Supervisor);
        _dataAccess = smap ? PageAccess.SmapEnforced : PageAccess.Read;
    }

    /// <summary>Chooses the TLB set and the access rights from CPL, CR0, CR4 and RFLAGS.AC. To be called when one of them changed.</summary>
    internal void UpdateDataAccess()
    {
        var ac = (State.Rflags & Rflags.AC) != 0;
        int set;
        if (Cpl == 3)
        {
            _dataAccess = PageAccess.User;
            _alignmentChecks = ac && (State.Cr0 & Cr0.AM) != 0;
            set = Tlb.User;
        }
        else
        {
            var smap = (State.Cr4 & Cr4.Smap) != 0 && !ac;
            _dataAccess = smap ? PageAccess.SmapEnforced : PageAccess.Read;
            _alignmentChecks = false;
            set = smap ? Tlb.SupervisorWithSmap : Tlb.Supervisor;
        }

        _tlbSet = _tlb.Set(_alignmentChecks || _watchpoints ? Tlb.NeverFilled : set);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private T ReadSlow<T>(ulong linear)
        where T : unmanaged
    {
        linear = CheckLinear<T>(linear, PageAccess.Read);
        if (((linear ^ (linear + (ulong)sizeof(T) - 1)) & ~0xFFFul) == 0)
        {
            var host = Resolve(linear, PageAccess.Read, out var physical);
            return host != null ? Unsafe.ReadUnaligned<T>(host) : ReadDevice<T>(physical);
        }

        // Both pages are checked before either is read, so that a fault on the second leaves no trace on a device in the first.
        var firstBytes = (int)(0x1000 - (linear & 0xFFF));
        Resolve(linear, PageAccess.Read, out _);
        Resolve(NextPage(linear), PageAccess.Read, out _);
        T value = default;
        var bytes = (byte*)&value;
        for (var i = 0; i < sizeof(T); i++) bytes[i] = ReadByte(i < firstBytes ? linear + (ulong)i : NextPage(linear) + (ulong)(i - firstBytes));
        return value;
    }

    private byte ReadByte(ulong linear)
    {
        var host = Resolve(linear, PageAccess.Read, out var physical);
        return host != null ? *host : (byte)_bus.ReadMmio(physical, 1);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WriteSlow<T>(ulong linear, T value)
        where T : unmanaged
    {
        linear = CheckLinear<T>(linear, PageAccess.Write);
        if (((linear ^ (linear + (ulong)sizeof(T) - 1)) & ~0xFFFul) == 0)
        {
            var host = Resolve(linear, PageAccess.Write, out var physical);
            if (host == null)
            {
                WriteDevice(physical, value);
                return;
            }

            if (_memory.IsReadOnly(physical)) return;
            Unsafe.WriteUnaligned(host, value);
            CodeWritten(physical, sizeof(T));
            return;
        }

        var firstBytes = (int)(0x1000 - (linear & 0xFFF));
        Resolve(linear, PageAccess.Write, out _);
        Resolve(NextPage(linear), PageAccess.Write, out _);
        var bytes = (byte*)&value;
        for (var i = 0; i < sizeof(T); i++)
        {
            var host = Resolve(i < firstBytes ? linear + (ulong)i : NextPage(linear) + (ulong)(i - firstBytes), PageAccess.Write, out var physical);
            if (host == null)
            {
                _bus.WriteMmio(physical, 1, bytes[i]);
                continue;
            }

            if (_memory.IsReadOnly(physical)) continue;
            *host = bytes[i];
            CodeWritten(physical, 1);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private T* TryPointerSlow<T>(ulong linear)
        where T : unmanaged
    {
        linear = CheckLinear<T>(linear, PageAccess.Write);
        ProbeWrite(linear, sizeof(T));
        if (((linear ^ (linear + (ulong)sizeof(T) - 1)) & ~0xFFFul) != 0) return null;
        var host = Resolve(linear, PageAccess.Write, out var physical);
        return host != null && IsDirectlyWritable(physical) && !_watchpoints && AnnounceStore(physical) ? (T*)host : null;
    }

    private void Probe(ulong linear, int size, PageAccess access)
    {
        if (size == 0) return;
        linear = CheckLinear(linear, size, access);
        Resolve(linear, access, out _);
        if (((linear ^ (linear + (ulong)size - 1)) & ~0xFFFul) != 0) Resolve(NextPage(linear), access, out _);
    }

    /// <summary>The first byte of the page after an address, with the wrap-around of the mode.</summary>
    private ulong NextPage(ulong linear)
    {
        var next = (linear & ~0xFFFul) + 0x1000;
        return LongModeActive ? next : (uint)next;
    }

    private ulong CheckLinear<T>(ulong linear, PageAccess access)
        where T : unmanaged => CheckLinear(linear, sizeof(T), access);

    /// <summary>Checks that do not depend on the page: canonical form, alignment, watchpoints.</summary>
    private ulong CheckLinear(ulong linear, int size, PageAccess access)
    {
        if (LongModeActive)
        {
            if (!IsCanonical(linear) || !IsCanonical(linear + (ulong)size - 1))
                Raise(_current != null && _current->Segment == SegmentRegisters.Ss ? ExceptionVector.StackFault : ExceptionVector.GeneralProtection, 0);
        }
        else
        {
            linear = (uint)linear;
        }

        if (_alignmentChecks && size <= 8 && (linear & (ulong)(size - 1)) != 0 && (_dataAccess & PageAccess.User) != 0) Raise(ExceptionVector.AlignmentCheck, 0);
        if (_watchpoints) CheckWatchpoints(linear, size, (access & PageAccess.Write) != 0);
        return linear;
    }

    /// <summary>True when bits 63–47 are all equal (SDM vol. 1 §3.3.7.1).</summary>
    internal static bool IsCanonical(ulong address) => (ulong)((long)(address << 16) >> 16) == address;

    /// <summary>
    /// Translates one address by the page tables and enters RAM into the TLB. Returns the host address,
    /// or null when a device answers at <paramref name="physical"/>. Raises #PF.
    /// </summary>
    private byte* Resolve(ulong linear, PageAccess access, out ulong physical)
    {
        var translation = PageWalk.Walk(ref State, _memory, linear, access | _dataAccess);
        if (translation.Faulted) RaisePageFault(linear, translation.ErrorCode);
        physical = translation.PhysicalAddress;
        if (translation.PageBytes > 4096) NoteLargePage(linear, translation.PageBytes);
        var page = _memory.PagePointer(physical);
        if (page == null) return null;
        var offset = (int)(physical & 0xFFF);
        var writable = (access & PageAccess.Write) != 0 || translation.Writable;
        if (TlbSetNumber != Tlb.NeverFilled) _ = Enter(TlbSetNumber, linear, page, physical, writable, translation.Global);
        return page + offset;
    }

    /// <summary>RAM, and no code in it that a store would have to drop.</summary>
    private bool IsDirectlyWritable(ulong physical) => !_memory.CodePages.HasCode(physical >> 12) && !_memory.IsReadOnly(physical);

    private T ReadDevice<T>(ulong physical)
        where T : unmanaged
    {
        if (sizeof(T) <= 8)
        {
            var value = _bus.ReadMmio(physical, sizeof(T));
            return *(T*)&value;
        }

        T wide = default;
        for (var i = 0; i < sizeof(T); i += 8) ((ulong*)&wide)[i / 8] = _bus.ReadMmio(physical + (ulong)i, 8);
        return wide;
    }

    private void WriteDevice<T>(ulong physical, T value)
        where T : unmanaged
    {
        if (sizeof(T) <= 8)
        {
            ulong bits = 0;
            *(T*)&bits = value;
            _bus.WriteMmio(physical, sizeof(T), bits);
            return;
        }

        for (var i = 0; i < sizeof(T); i += 8) _bus.WriteMmio(physical + (ulong)i, 8, ((ulong*)&value)[i / 8]);
    }

    /// <summary>Drops code that a store has just changed, and lets others drop theirs.</summary>
    private void CodeWritten(ulong physical, int size)
    {
        if (_memory.CodePages.IsShared) Interlocked.MemoryBarrier(); // who has code of the page is looked at after the store
        if (!_memory.CodePages.HasCode(physical >> 12)) return;
        _memory.CodePages.Overwritten(physical >> 12, CodePageMap.PiecesOf((int)(physical & 0xFFF), size), _holder);
        var kept = _code.Overwritten(physical, size);
        if (CodeListener is { } listener) kept |= listener.Overwritten(physical, size);
        if (!kept) _memory.CodePages.Release(physical >> 12, _holder);
    }
}
