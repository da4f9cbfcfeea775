using Holon.X86;
using Iced.Intel;

namespace Holon.Oracle.Comparison;

/// <summary>Decides whether two processors agree about a case, leaving out what is undefined.</summary>
public static class ResultComparer
{
    private const ulong ComparedFlags = Rflags.Status | Rflags.DF | Rflags.AC | Rflags.NT | Rflags.ID;
    private const int GeneralProtection = 13, PageFault = 14, StackFault = 12;

    private static readonly string[] _segmentNames = ["ES", "CS", "SS", "DS", "FS", "GS"];

    /// <summary>User addresses end here with four-level paging; Linux reports faults above it as protection violations.</summary>
    private const ulong UserEnd = 0x7FFF_FFFF_F000;

    /// <summary>Compares two results of a case.</summary>
    /// <param name="window">The content of the data window before the case.</param>
    /// <param name="test">The case.</param>
    /// <param name="instruction">Its instruction.</param>
    /// <param name="expected">The host's result.</param>
    /// <param name="actual">The result of the engine under test.</param>
    /// <param name="differences">When not null, receives a line for each difference.</param>
    /// <returns>True when they agree.</returns>
    public static bool Agree(ReadOnlySpan<byte> window, in TestCase test, in Instruction instruction, in CaseResult expected, in CaseResult actual, List<string>? differences = null) =>
        Agree(window, in test, in instruction, in expected, in actual, out _, differences);

    /// <summary>Compares two results of a case.</summary>
    /// <param name="window">The content of the data window before the case.</param>
    /// <param name="test">The case.</param>
    /// <param name="instruction">Its instruction.</param>
    /// <param name="expected">The host's result.</param>
    /// <param name="actual">The result of the engine under test.</param>
    /// <param name="setAside">The difference between makers without which they would not agree; null when there is none.</param>
    /// <param name="differences">When not null, receives a line for each difference.</param>
    /// <returns>True when they agree.</returns>
    public static bool Agree(ReadOnlySpan<byte> window, in TestCase test, in Instruction instruction, in CaseResult expected, in CaseResult actual, out MakerDifference? setAside, List<string>? differences = null)
    {
        setAside = null;
        if (AreSame(window, in test, in instruction, in expected, in actual, differences)) return true;
        if (MakerDifferences.OfHost.Count == 0 || actual.Vector == Guest.EngineProcessor.EngineFailed) return false;
        var (host, engine) = (expected, actual);
        foreach (var difference in MakerDifferences.OfHost)
        {
            if (!difference.Reconcile(in test, in instruction, ref host, ref engine)) continue;
            if (!AreSame(window, in test, in instruction, in host, in engine, null)) continue; // another may have a part in it
            setAside = difference;
            differences?.Clear();
            return true;
        }

        return false;
    }

    private static bool AreSame(ReadOnlySpan<byte> window, in TestCase test, in Instruction instruction, in CaseResult expected, in CaseResult actual, List<string>? differences)
    {
        if (DependsOnFiveLevelPaging(in expected, in actual)) return true;
        var undefined = expected.Vector == CaseResult.Completed && instruction.Code != Code.INVALID
            ? UndefinedResults.After(in instruction, in test.Before)
            : UndefinedResults.AfterException(in instruction);
        var agree = OutcomesAgree(in undefined, in expected, in actual, differences);
        agree &= ScalarsAgree(in instruction, in undefined, in expected, in actual, differences);
        agree &= VectorComparer.Agree(in instruction, in undefined, in expected, in actual, differences);
        agree &= FpuComparer.Agree(in undefined, in expected, in actual, differences);
        agree &= MemoryAgrees(window, in test, in undefined, in expected, in actual, differences);
        return agree;
    }

    private static bool OutcomesAgree(in UndefinedResults undefined, in CaseResult expected, in CaseResult actual, List<string>? differences)
    {
        if (expected.Vector != actual.Vector)
        {
            differences?.Add($"outcome   expected {Describe(in expected)}, got {Describe(in actual)}");
            return false;
        }

        const uint present = 1;
        var ignored = expected.Vector == PageFault && expected.FaultAddress >= UserEnd ? present : 0;
        if (((expected.ErrorCode ^ actual.ErrorCode) & ~ignored) == 0 && (undefined.AnyFaultAddress || expected.FaultAddress == actual.FaultAddress)) return true;
        differences?.Add($"exception expected {Describe(in expected)}, got {Describe(in actual)}");
        return false;
    }

    private static bool ScalarsAgree(in Instruction instruction, in UndefinedResults undefined, in CaseResult expected, in CaseResult actual, List<string>? differences)
    {
        var agree = Same("RIP", expected.After.Rip, actual.After.Rip, differences);
        for (var i = 0; i < 16; i++)
        {
            var ignored = RegisterBitsIgnored(in undefined, i, in expected);
            agree &= Same(RegisterName(i), expected.After.Gpr[i] & ~ignored, actual.After.Gpr[i] & ~ignored, differences);
        }

        agree &= Same("FS.base", expected.After.FsBase, actual.After.FsBase, differences);
        agree &= Same("GS.base", expected.After.GsBase, actual.After.GsBase, differences);
        for (var i = 0; i < 6; i++) agree &= Same(_segmentNames[i], expected.After.Selectors[i], actual.After.Selectors[i], differences);
        var flags = ComparedFlags & ~undefined.Flags;
        if (((expected.After.Rflags ^ actual.After.Rflags) & flags) == 0) return agree;
        differences?.Add($"RFLAGS    expected {FlagText.Describe(expected.After.Rflags & flags)}, got {FlagText.Describe(actual.After.Rflags & flags)}, compared {FlagText.Describe(flags)} ({instruction.Mnemonic})");
        return false;
    }

    private static ulong RegisterBitsIgnored(in UndefinedResults undefined, int register, in CaseResult expected)
    {
        if ((undefined.LowHalfOnly >> register & 1) != 0) return 0xFFFF_FFFF_0000_0000;
        if (undefined.RegisterBits == 0 || undefined.Register != register) return 0;
        var onlyWhenZero = undefined.RegisterBits == UndefinedResults.SourceIsZeroBits;
        return onlyWhenZero && (expected.After.Rflags & Rflags.ZF) == 0 ? 0 : undefined.RegisterBits;
    }

    private static bool MemoryAgrees(ReadOnlySpan<byte> window, in TestCase test, in UndefinedResults undefined, in CaseResult expected, in CaseResult actual, List<string>? differences)
    {
        if (undefined.AnyMemory) return true;
        if (undefined.Memory.Length != 0) return MaskedMemory.Agree(window, in test, undefined.Memory, in expected, in actual, differences);
        if (expected.WrittenStart == actual.WrittenStart && expected.WrittenLength == actual.WrittenLength && expected.WrittenSpan.SequenceEqual(actual.WrittenSpan)) return true;
        differences?.Add($"memory    expected {DescribeWrites(in expected)}, got {DescribeWrites(in actual)}");
        return false;
    }

    /// <summary>A host kernel with five-level paging finds addresses canonical that are not with four levels.</summary>
    private static bool DependsOnFiveLevelPaging(in CaseResult expected, in CaseResult actual) =>
        actual.Vector is GeneralProtection or StackFault
        && ((expected.Vector == PageFault && IsBetween(expected.FaultAddress))
            || (expected.Vector == CaseResult.Completed && (IsBetween(expected.After.Rip) || IsBetween(expected.After.FsBase) || IsBetween(expected.After.GsBase))));

    private static bool IsBetween(ulong address) => (long)address >> 47 is not 0 and not -1 && (long)address >> 56 is 0 or -1;

    private static bool Same(string name, ulong expected, ulong actual, List<string>? differences)
    {
        if (expected == actual) return true;
        differences?.Add($"{name,-9} expected {expected:x16}, got {actual:x16}");
        return false;
    }

    private static string RegisterName(int number) => (Register.RAX + number).ToString();

    /// <summary>An outcome in words.</summary>
    public static string Describe(in CaseResult result) => result.Vector switch
    {
        CaseResult.Completed => "completion",
        CaseResult.Lost => "no return",
        Guest.EngineProcessor.EngineFailed => "a failure of the engine",
        PageFault => $"#PF({result.ErrorCode:x}) at {result.FaultAddress:x}",
        _ => $"{ExceptionName(result.Vector)}({result.ErrorCode:x})",
    };

    private static string ExceptionName(int vector) => vector switch
    {
        0 => "#DE",
        3 => "#BP",
        6 => "#UD",
        7 => "#NM",
        11 => "#NP",
        12 => "#SS",
        13 => "#GP",
        16 => "#MF",
        17 => "#AC",
        19 => "#XM",
        _ => $"vector {vector}",
    };

    private static string DescribeWrites(in CaseResult result) => result.WrittenLength == 0
        ? "nothing written"
        : $"{AddressLayout.Window + (ulong)result.WrittenStart:x}: {Convert.ToHexStringLower(result.WrittenSpan)}";
}
