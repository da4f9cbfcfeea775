using System.Runtime.InteropServices;
using Iced.Intel;

namespace Holon.Oracle.Generation;

/// <summary>
/// Makes random cases of a form. A case depends only on the seed, the form and its own number, so that a failure can be
/// repeated alone.
/// </summary>
public sealed class CaseGenerator
{
    private const int EncodingAttempts = 64;
    private const int LargestPatch = 128;

    private readonly ulong _seed;
    private readonly CaseRandom _random = new(0);
    private readonly OperandGenerator _operands;
    private readonly ProcessorImage _quiet;

    /// <summary>Makes a generator for a seed.</summary>
    public CaseGenerator(ulong seed)
    {
        _seed = seed;
        _operands = new OperandGenerator(_random);
        _random.Restart(seed);
        RegisterStateGenerator.FillX87(_random, ref _quiet);
        RegisterStateGenerator.FillVectors(_random, LaneKind.Integer, ref _quiet);
        _quiet.SetAllInUse();
    }

    /// <summary>The instruction of the case made last, as encoded.</summary>
    public Instruction Instruction { get; private set; }

    /// <summary>Fills the data window for all cases of a form.</summary>
    public void FillWindow(InstructionForm form, Span<byte> window)
    {
        _random.Restart(CaseRandom.Derive(_seed, ((ulong)form.Code << 32) | uint.MaxValue));
        for (var at = 0; at < window.Length; at += 64)
        {
            var kind = form.MemoryKind is LaneKind.Float80 or LaneKind.Decimal ? LaneKind.Integer : form.MemoryKind;
            Lanes.Fill(_random, kind, window.Slice(at, 64));
        }
    }

    /// <summary>Makes one case.</summary>
    /// <returns>False when no valid encoding was found: the form cannot be encoded in 64-bit mode.</returns>
    public bool TryGenerate(InstructionForm form, int number, ref TestCase test)
    {
        _random.Restart(CaseRandom.Derive(_seed, ((ulong)form.Code << 32) | (uint)number));
        test = default;
        test.PatchAddress = AddressLayout.Window;
        test.Before.Xsave = _quiet.Xsave;
        test.Before.Rip = PickInstructionAddress();
        for (var attempt = 0; attempt < EncodingAttempts; attempt++)
        {
            if (!_operands.TryGenerate(form, test.Before.Rip, MemoryMarshal.CreateSpan(ref test.Code[0], 15), out test.CodeLength)) continue;
            FillState(form, ref test);
            Instruction = _operands.Instruction;
            if (NeedsSingleStep()) test.Flags |= CaseFlags.SingleStep;
            return true;
        }

        return false;
    }

    /// <summary>True when the next instruction to be executed may not be the INT3 after this one.</summary>
    private bool NeedsSingleStep() =>
        Instruction.FlowControl != FlowControl.Next || Instruction.Mnemonic is Mnemonic.Popf or Mnemonic.Popfq;

    private void FillState(InstructionForm form, ref TestCase test)
    {
        ref var state = ref test.Before;
        if (form.UsesX87) RegisterStateGenerator.FillX87(_random, ref state);
        if (form.UsesVectors) RegisterStateGenerator.FillVectors(_random, _random.Pick<LaneKind>(form.LaneKinds), ref state);
        RegisterStateGenerator.FillGeneral(_random, ref state);
        state.FsBase = _operands.Memory.FsBase;
        state.GsBase = _operands.Memory.GsBase;
        if (_operands.Memory.HasTarget) PatchTarget(form, ref test);
        _operands.Memory.ApplyRegisters(ref state);
        SpecialCases.Apply(_random, form, _operands, ref test);
    }

    /// <summary>Puts a fitting value where the memory operand points.</summary>
    private void PatchTarget(InstructionForm form, ref TestCase test)
    {
        var size = Math.Clamp(_operands.Memory.TargetSize, 1, LargestPatch);
        var patch = MemoryMarshal.CreateSpan(ref test.Patch[0], size);
        Lanes.Fill(_random, form.MemoryKind, patch);
        if (size <= 8 && _random.Percent(15)) // equal to a register: comparisons, subtractions, compare-and-exchange
        {
            var value = test.Before.Gpr[_random.Percent(50) ? 0 : _random.Below(16)];
            for (var i = 0; i < size; i++) patch[i] = (byte)(value >> (8 * i));
        }

        MemoryPatch.Place(ref test, _operands.Memory.Target, size);
    }

    /// <summary>Mostly inside a page; sometimes across two pages, and sometimes running out of the code pages.</summary>
    private ulong PickInstructionAddress()
    {
        var kind = _random.Below(100);
        var offset = kind switch
        {
            < 4 => AddressLayout.PageSize - _random.Below(15),
            < 6 => AddressLayout.CodeSize - 1 - _random.Below(14),
            _ => 0x400 + _random.Below(0x800),
        };
        return AddressLayout.Code + (ulong)offset;
    }
}
