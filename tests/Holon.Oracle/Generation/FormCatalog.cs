using Iced.Intel;

namespace Holon.Oracle.Generation;

/// <summary>Which instruction forms can be compared with the host, and why the others cannot.</summary>
public static class FormCatalog
{
    /// <summary>Every form of the legacy and VEX maps that exists in 64-bit mode.</summary>
    public static IEnumerable<Code> All()
    {
        for (var code = Code.INVALID + 1; (int)code < IcedConstantsCodeCount; code++)
        {
            var opCode = code.ToOpCode();
            if (opCode.IsInstruction && opCode.Mode64 && opCode.IntelDecoder64 && opCode.Encoding is EncodingKind.Legacy or EncodingKind.VEX) yield return code;
        }
    }

    /// <summary>Why a form is left out of comparisons; null when it takes part.</summary>
    public static string? ReasonToExclude(Code code)
    {
        var opCode = code.ToOpCode();
        if (!opCode.Mode64) return "not in 64-bit mode";
        if (!opCode.IntelDecoder64) return "not an encoding of Intel's processors";
        if (opCode.Encoding is not (EncodingKind.Legacy or EncodingKind.VEX)) return "neither legacy nor VEX encoding";
        for (var i = 0; i < opCode.OpCount; i++)
        {
            if (UnsupportedOperand(opCode.GetOpKind(i)) is { } reason) return reason;
        }

        return ByMnemonic(code.Mnemonic());
    }

    private static int IcedConstantsCodeCount { get; } = Enum.GetValues<Code>().Length;

    private static string? UnsupportedOperand(OpCodeOperandKind kind)
    {
        var name = kind.ToString();
        return name.StartsWith('k') ? "AVX-512 mask register"
            : name.Contains("tmm", StringComparison.Ordinal) || name == "sibmem" ? "AMX tile"
            : name.Contains("bnd", StringComparison.Ordinal) || name.Contains("mpx", StringComparison.Ordinal) ? "MPX"
            : name.Contains("zmm", StringComparison.Ordinal) ? "AVX-512"
            : name.StartsWith("xbegin", StringComparison.Ordinal) ? "transactions abort on the traps that end a case"
            : name.StartsWith("farbr", StringComparison.Ordinal) || name.StartsWith("br16", StringComparison.Ordinal) || name.StartsWith("br32", StringComparison.Ordinal) ? "no such branch in 64-bit mode"
            : null;
    }

    private static string? ByMnemonic(Mnemonic mnemonic)
    {
        const string environment = "answers depend on the host's model, kernel or time";
        const string system = "enters the host's kernel";
        switch (mnemonic)
        {
            case Mnemonic.Cpuid or Mnemonic.Rdtsc or Mnemonic.Rdtscp or Mnemonic.Rdpmc or Mnemonic.Rdpid or Mnemonic.Rdrand or Mnemonic.Rdseed or Mnemonic.Xgetbv
                or Mnemonic.Rdpkru or Mnemonic.Wrpkru or Mnemonic.Getsec or Mnemonic.Rdpru:
                return environment;
            case Mnemonic.Syscall or Mnemonic.Sysenter or Mnemonic.Int or Mnemonic.Int1 or Mnemonic.Into or Mnemonic.Vmcall or Mnemonic.Vmmcall or Mnemonic.Vmfunc:
                return system;
            case Mnemonic.Sgdt or Mnemonic.Sidt or Mnemonic.Sldt or Mnemonic.Smsw or Mnemonic.Str:
                return "the host's kernel emulates it for user mode (UMIP)";
            case Mnemonic.Xabort or Mnemonic.Xend or Mnemonic.Xtest:
                return "transactions abort on the traps that end a case";
            case Mnemonic.Monitor or Mnemonic.Mwait or Mnemonic.Monitorx or Mnemonic.Mwaitx or Mnemonic.Umonitor or Mnemonic.Umwait or Mnemonic.Tpause:
                return environment;
            case Mnemonic.Fstcw or Mnemonic.Fstsw or Mnemonic.Fstenv or Mnemonic.Fsave or Mnemonic.Finit or Mnemonic.Fclex or Mnemonic.Fsetpm or Mnemonic.Fdisi or Mnemonic.Feni:
                return "an assembler's pair of WAIT and the instruction";
            case Mnemonic.Wrssd or Mnemonic.Wrssq or Mnemonic.Wrussd or Mnemonic.Wrussq or Mnemonic.Incsspd or Mnemonic.Incsspq or Mnemonic.Rdsspd or Mnemonic.Rdsspq
                or Mnemonic.Saveprevssp or Mnemonic.Rstorssp or Mnemonic.Setssbsy or Mnemonic.Clrssbsy or Mnemonic.Endbr32 or Mnemonic.Endbr64:
                return "depends on CET";
            case Mnemonic.Clui or Mnemonic.Stui or Mnemonic.Testui or Mnemonic.Uiret or Mnemonic.Senduipi:
                return "depends on user interrupts";
            case Mnemonic.Enqcmd or Mnemonic.Enqcmds or Mnemonic.Movdir64b or Mnemonic.Movdiri or Mnemonic.Pconfig or Mnemonic.Cldemote or Mnemonic.Ptwrite or Mnemonic.Serialize or Mnemonic.Hreset:
                return "outside the processor that Holon presents";
            default:
                return null;
        }
    }
}
