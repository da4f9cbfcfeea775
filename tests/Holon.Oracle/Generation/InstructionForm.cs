using Iced.Intel;

namespace Holon.Oracle.Generation;

/// <summary>One instruction form and what generating cases for it needs to know, worked out once.</summary>
public sealed class InstructionForm
{
    private const int KindCount = 5;

    /// <summary>Describes a form.</summary>
    public InstructionForm(Code code)
    {
        Code = code;
        OpCode = code.ToOpCode();
        Mnemonic = code.Mnemonic();
        Operands = new OpCodeOperandKind[OpCode.OpCount];
        for (var i = 0; i < Operands.Length; i++) Operands[i] = OpCode.GetOpKind(i);
        foreach (var feature in code.CpuidFeatures())
        {
            var name = feature.ToString();
            if (feature is CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387 or CpuidFeature.MMX or CpuidFeature.FXSR || name.StartsWith("XSAVE", StringComparison.Ordinal)) UsesX87 = true;
            if (_scalarFeatures.Contains(feature)) continue;
            UsesVectors = true;
        }

        if (Operands.Any(kind => kind is OpCodeOperandKind.mm_or_mem or OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_rm)) UsesX87 = true;
        MemorySize = OpCode.MemorySize.GetSize();
        if (IsStateImage) MemorySize = XsaveArea.Length;
        MemoryKind = KindOf(OpCode.MemorySize);
        if (IsStateImage) UsesVectors = true;
        LaneKinds = ChooseLaneKinds();
    }

    /// <summary>Iced's name of the form.</summary>
    public Code Code { get; }

    /// <summary>Its encoding.</summary>
    public OpCodeInfo OpCode { get; }

    /// <summary>Its mnemonic.</summary>
    public Mnemonic Mnemonic { get; }

    /// <summary>Its operands.</summary>
    public OpCodeOperandKind[] Operands { get; }

    /// <summary>True when x87 or MMX state takes part, so that every case needs its own.</summary>
    public bool UsesX87 { get; }

    /// <summary>True when vector state takes part, so that every case needs its own.</summary>
    public bool UsesVectors { get; }

    /// <summary>True for MOVS, CMPS, SCAS, LODS, STOS, INS and OUTS.</summary>
    public bool IsString => OpCode.IsInstruction && Code.IsStringInstruction();

    /// <summary>True for the XSAVE family.</summary>
    public bool IsStateImage => Mnemonic is Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64 or Mnemonic.Xsavec or Mnemonic.Xsavec64
        or Mnemonic.Xrstor or Mnemonic.Xrstor64;

    /// <summary>Bytes of the memory operand; 0 when it has no size of its own.</summary>
    public int MemorySize { get; }

    /// <summary>What the memory operand holds.</summary>
    public LaneKind MemoryKind { get; }

    /// <summary>What vector registers are filled with; one is chosen a case.</summary>
    public LaneKind[] LaneKinds { get; }

    private static readonly HashSet<CpuidFeature> _scalarFeatures =
    [
        CpuidFeature.INTEL8086, CpuidFeature.INTEL186, CpuidFeature.INTEL286, CpuidFeature.INTEL386, CpuidFeature.INTEL486, CpuidFeature.X64, CpuidFeature.CMOV,
        CpuidFeature.CX8, CpuidFeature.CMPXCHG16B, CpuidFeature.BMI1, CpuidFeature.BMI2, CpuidFeature.LZCNT, CpuidFeature.POPCNT, CpuidFeature.MOVBE,
        CpuidFeature.ADX, CpuidFeature.MULTIBYTENOP, CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.FPU387, CpuidFeature.FSGSBASE, CpuidFeature.PAUSE,
        CpuidFeature.CLFSH, CpuidFeature.CLFLUSHOPT, CpuidFeature.CLWB, CpuidFeature.PREFETCHW, CpuidFeature.SYSCALL,
    ];

    private static LaneKind KindOf(MemorySize size)
    {
        var name = size.ToString();
        return name.Contains("Float16", StringComparison.Ordinal) ? LaneKind.Float16
            : name.Contains("Float32", StringComparison.Ordinal) ? LaneKind.Float32
            : name.Contains("Float64", StringComparison.Ordinal) ? LaneKind.Float64
            : name.Contains("Float80", StringComparison.Ordinal) ? LaneKind.Float80
            : name.Contains("Bcd", StringComparison.Ordinal) ? LaneKind.Decimal
            : LaneKind.Integer;
    }

    private LaneKind[] ChooseLaneKinds()
    {
        var name = Mnemonic.ToString();
        var text = name.ToUpperInvariant();
        if (MemoryKind is LaneKind.Float16 or LaneKind.Float32 or LaneKind.Float64) return Mostly(MemoryKind);
        if (text.EndsWith("PS", StringComparison.Ordinal) || text.EndsWith("SS", StringComparison.Ordinal)) return Mostly(LaneKind.Float32);
        return text.EndsWith("PD", StringComparison.Ordinal) || text.EndsWith("SD", StringComparison.Ordinal) ? Mostly(LaneKind.Float64) : [LaneKind.Integer];
    }

    // Now and then other bits: instructions that only move or combine bits must not care.
    private static LaneKind[] Mostly(LaneKind kind)
    {
        var kinds = new LaneKind[KindCount];
        Array.Fill(kinds, kind);
        kinds[0] = LaneKind.Integer;
        return kinds;
    }
}
