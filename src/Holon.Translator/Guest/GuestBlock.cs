using Holon.Interpreter;
using Holon.Interpreter.Decoding;
using Holon.X86;
using Iced.Intel;

namespace Holon.Translator.Guest;

/// <summary>One decoded instruction of a block with what planning found out about it.</summary>
internal struct GuestInstruction
{
    /// <summary>The instruction, decoded at its linear address.</summary>
    public Instruction Iced;

    /// <summary>How it is translated.</summary>
    public InstructionClass Class;

    /// <summary>Offset of its bytes in the block's copy.</summary>
    public int Offset;

    /// <summary>Status flags that it reads.</summary>
    public StatusFlags Reads;

    /// <summary>Status flags that it may change.</summary>
    public StatusFlags Writes;

    /// <summary>Status flags that it certainly sets or leaves undefined: what they were before is lost.</summary>
    public StatusFlags Kills;

    /// <summary>Status flags whose value before it is needed by somebody.</summary>
    public StatusFlags LiveBefore;

    /// <summary>Status flags whose value after it is needed by somebody.</summary>
    public StatusFlags LiveAfter;
}

/// <summary>The six status flags, by Iced's bits.</summary>
[Flags]
internal enum StatusFlags : byte
{
    None = 0,
    All = (int)(RflagsBits.OF | RflagsBits.SF | RflagsBits.ZF | RflagsBits.AF | RflagsBits.CF | RflagsBits.PF),
}

/// <summary>
/// The front of the translator: a run of guest instructions within one page, decoded from a copy of their bytes, with the liveness of
/// the status flags. It knows nothing of the host.
/// </summary>
/// <remarks>A block goes on behind conditional branches, so that it has one entry and several exits. One object is used again and again.</remarks>
internal sealed unsafe class GuestBlock
{
    /// <summary>Instructions at most: bounds how long an interrupt can wait.</summary>
    public const int MaxInstructions = 64;

    private const int PeekInstructions = 10, LongestInstruction = 15, NextPageBytes = 64;

    private readonly PageReader _reader = new();
    private readonly Decoder _decoder;
    private readonly CpuModel _model;
    private readonly byte[] _bytes = GC.AllocateArray<byte>(4096 + NextPageBytes, pinned: true);
    private readonly byte* _copy;

    public GuestBlock(CpuModel model)
    {
        _model = model;
        _copy = (byte*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(_bytes, 0);
        _decoder = Decoder.Create(64, _reader, CodeCache.DecoderOptionsFor(model));
    }

    /// <summary>The instructions; the first <see cref="Count"/> count.</summary>
    public GuestInstruction[] Instructions { get; } = new GuestInstruction[MaxInstructions];

    /// <summary>There is no instruction since its bytes go on behind the page.</summary>
    public bool RunsOut { get; private set; }

    /// <summary>The one instruction goes on in the next page.</summary>
    public bool Crosses => ((Start ^ (End - 1)) & ~0xFFFul) != 0;

    /// <summary>How many there are. 0 when the first one crosses into the next page or is none.</summary>
    public int Count { get; private set; }

    /// <summary>Linear address of the first.</summary>
    public ulong Start { get; private set; }

    /// <summary>Linear address behind the last.</summary>
    public ulong End { get; private set; }

    /// <summary>Keep the status flags exact at every instruction that can fault, not only where something reads them.</summary>
    public bool PreciseFlags { get; set; }

    /// <summary>Instructions at most, up to <see cref="MaxInstructions"/>.</summary>
    public int Most { get; set; } = MaxInstructions;

    /// <summary>The bytes that branch targets were looked ahead at, from their page: first offset and length, if any.</summary>
    public List<(int Offset, int Length)> Peeked { get; } = [];

    /// <summary>What it was decoded from: the page, and the beginning of the next one if an instruction goes on there.</summary>
    public ReadOnlySpan<byte> Copy => _bytes;

    /// <summary>The bytes of an instruction.</summary>
    public ReadOnlySpan<byte> BytesOf(in GuestInstruction instruction) => _bytes.AsSpan(instruction.Offset, instruction.Iced.Length);

    /// <summary>Decodes from a linear address.</summary>
    /// <param name="linear">Where.</param>
    /// <param name="page">The page's memory on the host.</param>
    /// <param name="next">The memory of the page after it, to decode one instruction that goes on there; else null.</param>
    /// <param name="stopAt">True for a linear address at which a block exists: it is jumped to instead of being translated again.</param>
    public void Decode(ulong linear, byte* page, byte* next, Func<ulong, bool> stopAt)
    {
        Start = linear;
        Count = 0;
        RunsOut = false;
        Peeked.Clear();
        var offset = (int)(linear & 0xFFF);
        // A copy, so that what is decoded twice is the same twice, whoever writes to the page meanwhile.
        new ReadOnlySpan<byte>(page, 4096).CopyTo(_bytes);
        if (next != null) new ReadOnlySpan<byte>(next, NextPageBytes).CopyTo(_bytes.AsSpan(4096));
        _reader.Reset(_copy + offset, 4096 - offset + (next != null ? LongestInstruction : 0));
        _decoder.IP = linear;
        while (Count < (next != null ? 1 : Most))
        {
            ref var instruction = ref Instructions[Count];
            var at = offset + (int)(_decoder.IP - linear);
            if (at >= 4096 || (Count > 0 && stopAt(_decoder.IP))) break;
            _decoder.Decode(out instruction.Iced);
            if (instruction.Iced.IsInvalid || !_model.Has(instruction.Iced.Code))
            {
                if (_decoder.LastError == DecoderError.NoMoreBytes || instruction.Iced.IsInvalid)
                {
                    RunsOut = Count == 0 && _decoder.LastError == DecoderError.NoMoreBytes;
                    if (Count == 0) return;
                    End = instruction.Iced.IP;
                    Plan();
                    return;
                }

                instruction.Class = new InstructionClass(InstructionKind.Interpret, 0);
            }
            else
            {
                instruction.Class = InstructionClass.Of(instruction.Iced);
                if (IsBitString(instruction.Iced)) instruction.Class = new InstructionClass(InstructionKind.BitString, 0);
            }

            instruction.Offset = at;
            Flags(ref instruction);
            Count++;
            if (EndsBlock(instruction.Class.Kind)) break;
        }

        End = Instructions[Count - 1].Iced.NextIP;
        Plan();
    }

    private static bool EndsBlock(InstructionKind kind) => kind is InstructionKind.Interpret or InstructionKind.Jump or InstructionKind.JumpIndirect or InstructionKind.Call
        or InstructionKind.CallIndirect or InstructionKind.Return or InstructionKind.AccessFlag or InstructionKind.Syscall or InstructionKind.Sysret
        or InstructionKind.InterruptReturn;

    /// <summary>The same encoding with a register instead of memory is no bit string.</summary>
    private static bool IsBitString(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc
        && instruction.Op0Kind == OpKind.Memory && instruction.Op1Kind == OpKind.Register;

    private static void Flags(ref GuestInstruction instruction)
    {
        ref var iced = ref instruction.Iced;
        switch (instruction.Class.Kind)
        {
            case InstructionKind.Copy or InstructionKind.Divide or InstructionKind.JumpIf or InstructionKind.BitString:
                instruction.Reads = (StatusFlags)iced.RflagsRead & StatusFlags.All;
                instruction.Writes = (StatusFlags)iced.RflagsModified & StatusFlags.All;
                instruction.Kills = KeepsFlagsForSomeCount(iced) ? StatusFlags.None : instruction.Writes;
                break;
            case InstructionKind.Nop or InstructionKind.Pause or InstructionKind.Lea or InstructionKind.Push or InstructionKind.Pop or InstructionKind.Leave or InstructionKind.Jump or InstructionKind.JumpIndirect
                or InstructionKind.Call or InstructionKind.CallIndirect or InstructionKind.Return or InstructionKind.AccessFlag or InstructionKind.SwapGs
                or InstructionKind.InterruptFlag or InstructionKind.RepeatedString or InstructionKind.ReadSelector or InstructionKind.LoadControl
                or InstructionKind.ReadTimeStamp or InstructionKind.SegmentBase or InstructionKind.ReadControl or InstructionKind.ClearDirection:
                instruction.Reads = instruction.Writes = instruction.Kills = StatusFlags.None;
                break;
            case InstructionKind.PopFlags or InstructionKind.Sysret or InstructionKind.InterruptReturn:
                instruction.Reads = StatusFlags.None;
                instruction.Writes = instruction.Kills = StatusFlags.All;
                break;
            default:
                instruction.Reads = StatusFlags.All;
                instruction.Writes = instruction.Kills = StatusFlags.None;
                break;
        }
    }

    /// <summary>A shift or rotation by zero changes no flag (SDM vol. 2, SAL/SAR/SHL/SHR).</summary>
    private static bool KeepsFlagsForSomeCount(in Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Shl or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Sal or Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr:
                return instruction.Op1Kind == OpKind.Register || (instruction.Op1Kind == OpKind.Immediate8 && (instruction.Immediate8 & 0x1F) == 0);
            case Mnemonic.Shld or Mnemonic.Shrd:
                return instruction.Op2Kind == OpKind.Register || (instruction.Immediate8 & 0x1F) == 0;
            default:
                return false;
        }
    }

    /// <summary>Backward over the block: which flags anybody will look at.</summary>
    private void Plan()
    {
        ref var last = ref Instructions[Count - 1];
        var live = last.Class.Kind is InstructionKind.Jump or InstructionKind.Call ? LiveAt(last.Iced.NearBranchTarget) : EndsBlock(last.Class.Kind) ? StatusFlags.All : LiveAt(End);
        for (var i = Count - 1; i >= 0; i--)
        {
            ref var instruction = ref Instructions[i];
            if (instruction.Class.Kind == InstructionKind.JumpIf) live |= LiveAt(instruction.Iced.NearBranchTarget);
            if (PreciseFlags) live = StatusFlags.All;
            instruction.LiveAfter = live;
            live = (live & ~instruction.Kills) | instruction.Reads;
            if (PreciseFlags) live = StatusFlags.All;
            instruction.LiveBefore = live;
        }
    }

    /// <summary>Flags that code at an address may read before it sets them: looks a few instructions ahead, in this page only.</summary>
    private StatusFlags LiveAt(ulong linear)
    {
        if (PreciseFlags || ((linear ^ Start) & ~0xFFFul) != 0) return StatusFlags.All;
        if (linear >= Start && linear < End)
        {
            for (var i = 0; i < Count; i++)
            {
                if (Instructions[i].Iced.IP == linear) return Ahead(i);
            }
        }

        var undecided = StatusFlags.All;
        var read = StatusFlags.None;
        var start = Peek(linear);
        for (var i = 0; i < PeekInstructions && undecided != 0; i++)
        {
            GuestInstruction next = default;
            _decoder.Decode(out next.Iced);
            if (next.Iced.IsInvalid) break;
            next.Class = InstructionClass.Of(next.Iced);
            Flags(ref next);
            read |= next.Reads & undecided;
            undecided &= ~(next.Kills | next.Reads);
            if (next.Class.Kind is InstructionKind.Jump or InstructionKind.Call && ((next.Iced.NearBranchTarget ^ Start) & ~0xFFFul) == 0)
            {
                EndPeek(start);
                start = Peek(next.Iced.NearBranchTarget);
            }
            else if (EndsBlock(next.Class.Kind) || next.Class.Kind == InstructionKind.JumpIf)
            {
                break;
            }
        }

        EndPeek(start);
        return read | undecided;
    }

    private ulong Peek(ulong linear)
    {
        var offset = (int)(linear & 0xFFF);
        _reader.Reset(_copy + offset, 4096 - offset);
        _decoder.IP = linear;
        return linear;
    }

    private void EndPeek(ulong start)
    {
        var offset = (int)(start & 0xFFF);
        Peeked.Add((offset, Math.Min((int)(_decoder.IP - start), 4096 - offset)));
    }

    private StatusFlags Ahead(int index)
    {
        var undecided = StatusFlags.All;
        var read = StatusFlags.None;
        for (var i = index; i < Count && undecided != 0; i++)
        {
            ref var next = ref Instructions[i];
            read |= next.Reads & undecided;
            undecided &= ~(next.Kills | next.Reads);
            if (next.Class.Kind == InstructionKind.JumpIf) break;
        }

        return read | undecided;
    }
}
