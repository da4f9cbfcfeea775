using System.Runtime.CompilerServices;
using Holon.X86;

namespace Holon.Interpreter;

// The stack: RSP in 64-bit mode; SS:ESP or SS:SP, by the B flag of SS, elsewhere.
public sealed unsafe partial class Interpreter
{
    /// <summary>The part of RSP that counts.</summary>
    internal ulong StackMask => Code64 ? ulong.MaxValue : State.Segments[SegmentRegisters.Ss].IsBig ? 0xFFFFFFFF : 0xFFFF;

    /// <summary>The stack pointer, as wide as the stack.</summary>
    internal ulong StackPointer
    {
        get => Gpr(4) & StackMask;
        set
        {
            var mask = StackMask;
            // A 32-bit stack pointer is a 32-bit register write; a 16-bit one leaves the rest alone.
            Gpr(4) = mask == 0xFFFF ? (Gpr(4) & ~0xFFFFul) | (ushort)value : value & mask;
        }
    }

    /// <summary>Moves the stack pointer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void AddToStackPointer(ulong bytes)
    {
        if (Code64) Gpr(4) += bytes;
        else StackPointer += bytes;
    }

    /// <summary>Pushes a value. Nothing changes when it faults.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Push<T>(T value)
        where T : unmanaged
    {
        if (Code64)
        {
            WriteStack(Gpr(4) - (ulong)sizeof(T), value);
            Gpr(4) -= (ulong)sizeof(T);
            return;
        }

        PushSegmented(value);
    }

    /// <summary>Reads a value some bytes above the stack pointer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal T Peek<T>(ulong bytes)
        where T : unmanaged => Code64 ? ReadStack<T>(Gpr(4) + bytes) : Read<T>(Linear(SegmentRegisters.Ss, (Gpr(4) + bytes) & StackMask, sizeof(T), false));

    /// <summary>Pops a value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal T Pop<T>()
        where T : unmanaged
    {
        var value = Peek<T>(0);
        AddToStackPointer((ulong)sizeof(T));
        return value;
    }

    /// <summary>Reads at a linear address that an instruction uses as stack: where it is not canonical, that is #SS.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal T ReadStack<T>(ulong linear)
        where T : unmanaged
    {
        var entry = Tlb.Entry(_tlbSet, linear);
        return entry->ReadTag == ((linear + (ulong)(sizeof(T) - 1)) & ~0xFFFul)
            ? Unsafe.ReadUnaligned<T>((byte*)(linear + (ulong)entry->Addend))
            : ReadStackSlow<T>(linear);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void WriteStack<T>(ulong linear, T value)
        where T : unmanaged
    {
        var entry = Tlb.Entry(_tlbSet, linear);
        if (entry->WriteTag == ((linear + (ulong)(sizeof(T) - 1)) & ~0xFFFul)) Unsafe.WriteUnaligned((byte*)(linear + (ulong)entry->Addend), value);
        else WriteStackSlow(linear, value);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private T ReadStackSlow<T>(ulong linear)
        where T : unmanaged
    {
        CheckStackAddress(linear, sizeof(T));
        return ReadSlow<T>(linear);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WriteStackSlow<T>(ulong linear, T value)
        where T : unmanaged
    {
        CheckStackAddress(linear, sizeof(T));
        WriteSlow(linear, value);
    }

    /// <summary>#SS for a stack address that is not canonical.</summary>
    internal void CheckStackAddress(ulong linear, int size)
    {
        if (Code64 && (!IsCanonical(linear) || !IsCanonical(linear + (ulong)size - 1))) Raise(ExceptionVector.StackFault, 0);
    }

    private void PushSegmented<T>(T value)
        where T : unmanaged
    {
        var pointer = (StackPointer - (ulong)sizeof(T)) & StackMask;
        Write(Linear(SegmentRegisters.Ss, pointer, sizeof(T), true), value);
        StackPointer = pointer;
    }
}
