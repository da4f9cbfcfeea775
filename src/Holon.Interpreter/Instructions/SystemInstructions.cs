using Holon.Interpreter.Decoding;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <summary>Rows of the instructions for operating systems: flags, interrupts, descriptor tables, control registers, MSRs, I/O.</summary>
internal static unsafe partial class SystemInstructions
{
    private const FormFlags Os = FormFlags.System, OsEnds = FormFlags.System | FormFlags.EndsBlock;

    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Cli, &BindCli, Os);
        table.Add(Mnemonic.Sti, &BindSti, OsEnds);
        table.Add(Mnemonic.Pushf, &BindPushf, Os);
        table.Add(Mnemonic.Pushfd, &BindPushf, Os);
        table.Add(Mnemonic.Pushfq, &BindPushf, Os);
        table.Add(Mnemonic.Popf, &BindPopf, OsEnds);
        table.Add(Mnemonic.Popfd, &BindPopf, OsEnds);
        table.Add(Mnemonic.Popfq, &BindPopf, OsEnds);
        table.Add(Mnemonic.Clac, &BindAlignmentFlag, Os);
        table.Add(Mnemonic.Stac, &BindAlignmentFlag, Os);
        table.Add(Mnemonic.Hlt, &BindHlt, OsEnds);
        table.Add(Mnemonic.Pause, &BindPause);

        table.Add(Mnemonic.Int, &BindInt, OsEnds);
        table.Add(Mnemonic.Int3, &BindInt, OsEnds);
        table.Add(Mnemonic.Int1, &BindInt, OsEnds);
        table.Add(Mnemonic.Into, &BindInto, Os);
        table.Add(Mnemonic.Iret, &BindIret, OsEnds);
        table.Add(Mnemonic.Iretd, &BindIret, OsEnds);
        table.Add(Mnemonic.Iretq, &BindIret, OsEnds);
        table.Add(Mnemonic.Retf, &BindRetf, OsEnds);
        table.Add(Mnemonic.Syscall, &BindSyscall, OsEnds);
        table.Add(Mnemonic.Sysret, &BindSysret, OsEnds);
        table.Add(Mnemonic.Sysretq, &BindSysret, OsEnds);
        table.Add(Mnemonic.Sysenter, &BindSysenter, OsEnds);
        table.Add(Mnemonic.Sysexit, &BindSysexit, OsEnds);
        table.Add(Mnemonic.Sysexitq, &BindSysexit, OsEnds);

        table.Add(Mnemonic.Lgdt, &BindDescriptorTable, Os);
        table.Add(Mnemonic.Lidt, &BindDescriptorTable, Os);
        table.Add(Mnemonic.Sgdt, &BindDescriptorTable, Os);
        table.Add(Mnemonic.Sidt, &BindDescriptorTable, Os);
        table.Add(Mnemonic.Lldt, &BindLldt, Os);
        table.Add(Mnemonic.Sldt, &BindStoreSelector, Os);
        table.Add(Mnemonic.Ltr, &BindLtr, Os);
        table.Add(Mnemonic.Str, &BindStoreSelector, Os);
        table.Add(Mnemonic.Smsw, &BindStoreSelector, Os);
        table.Add(Mnemonic.Lmsw, &BindLmsw, OsEnds);
        table.Add(Mnemonic.Clts, &BindClts, OsEnds);
        table.Add(Mnemonic.Verr, &BindVerify, Os);
        table.Add(Mnemonic.Verw, &BindVerify, Os);
        table.Add(Mnemonic.Lar, &BindLar, Os);
        table.Add(Mnemonic.Lsl, &BindLar, Os);
        table.Add(Mnemonic.Arpl, &BindArpl, Os);
        table.Add(Mnemonic.Lds, &BindLoadFar, Os);
        table.Add(Mnemonic.Les, &BindLoadFar, Os);
        table.Add(Mnemonic.Lss, &BindLoadFar, OsEnds);
        table.Add(Mnemonic.Lfs, &BindLoadFar, Os);
        table.Add(Mnemonic.Lgs, &BindLoadFar, Os);

        table.Add(Mnemonic.Invlpg, &BindInvlpg, OsEnds);
        table.Add(Mnemonic.Invpcid, &BindInvpcid, OsEnds);
        table.Add(Mnemonic.Invd, &BindPrivilegedNop, Os);
        table.Add(Mnemonic.Wbinvd, &BindPrivilegedNop, Os);
        table.Add(Mnemonic.Swapgs, &BindSwapgs, Os);
        table.Add(Mnemonic.Rdfsbase, &BindBase, Os);
        table.Add(Mnemonic.Rdgsbase, &BindBase, Os);
        table.Add(Mnemonic.Wrfsbase, &BindBase, Os);
        table.Add(Mnemonic.Wrgsbase, &BindBase, Os);

        table.Add(Mnemonic.Cpuid, &BindCpuid, Os);
        table.Add(Mnemonic.Vmcall, &BindVmcall, Os);
        table.Add(Mnemonic.Rdmsr, &BindRdmsr, Os);
        table.Add(Mnemonic.Wrmsr, &BindWrmsr, OsEnds);
        table.Add(Mnemonic.Rdtsc, &BindRdtsc, Os);
        table.Add(Mnemonic.Rdtscp, &BindRdtsc, Os);
        table.Add(Mnemonic.Rdpid, &BindRdpid, Os);
        table.Add(Mnemonic.Rdpmc, &BindRdpmc, Os);
        table.Add(Mnemonic.Rdrand, &BindRandom, Os);
        table.Add(Mnemonic.Rdseed, &BindRandom, Os);

        table.Add(Mnemonic.In, &BindIn, OsEnds);
        table.Add(Mnemonic.Out, &BindOut, OsEnds);
        table.Add(Mnemonic.Rsm, &BindRsm, Os);
    }

    private static void RequireSupervisor(Interpreter cpu)
    {
        if (cpu.Cpl != 0) cpu.RaiseGp();
    }

    private static void RequireProtected(Interpreter cpu)
    {
        if (!cpu.ProtectedMode) cpu.RaiseUd();
    }

    /// <summary>UMIP hides system tables from user code.</summary>
    private static void RequireNoUmip(Interpreter cpu)
    {
        if (cpu.Cpl == 3 && (cpu.State.Cr4 & Cr4.Umip) != 0) cpu.RaiseGp();
    }
}
