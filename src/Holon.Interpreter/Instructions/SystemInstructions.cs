using Holon.Interpreter.Decoding;
using Holon.X86;
using Iced.Intel;

namespace Holon.Interpreter.Instructions;

/// <summary>Rows of the instructions for operating systems: flags, interrupts, descriptor tables, control registers, MSRs, I/O.</summary>
internal static unsafe partial class SystemInstructions
{
    public static void Declare(InstructionTable table)
    {
        table.Add(Mnemonic.Cli, &BindCli);
        table.Add(Mnemonic.Sti, &BindSti, FormFlags.EndsBlock);
        table.Add(Mnemonic.Pushf, &BindPushf);
        table.Add(Mnemonic.Pushfd, &BindPushf);
        table.Add(Mnemonic.Pushfq, &BindPushf);
        table.Add(Mnemonic.Popf, &BindPopf, FormFlags.EndsBlock);
        table.Add(Mnemonic.Popfd, &BindPopf, FormFlags.EndsBlock);
        table.Add(Mnemonic.Popfq, &BindPopf, FormFlags.EndsBlock);
        table.Add(Mnemonic.Clac, &BindAlignmentFlag);
        table.Add(Mnemonic.Stac, &BindAlignmentFlag);
        table.Add(Mnemonic.Hlt, &BindHlt, FormFlags.EndsBlock);
        table.Add(Mnemonic.Pause, &BindPause);

        table.Add(Mnemonic.Int, &BindInt, FormFlags.EndsBlock);
        table.Add(Mnemonic.Int3, &BindInt, FormFlags.EndsBlock);
        table.Add(Mnemonic.Int1, &BindInt, FormFlags.EndsBlock);
        table.Add(Mnemonic.Into, &BindInto);
        table.Add(Mnemonic.Iret, &BindIret, FormFlags.EndsBlock);
        table.Add(Mnemonic.Iretd, &BindIret, FormFlags.EndsBlock);
        table.Add(Mnemonic.Iretq, &BindIret, FormFlags.EndsBlock);
        table.Add(Mnemonic.Retf, &BindRetf, FormFlags.EndsBlock);
        table.Add(Mnemonic.Syscall, &BindSyscall, FormFlags.EndsBlock);
        table.Add(Mnemonic.Sysret, &BindSysret, FormFlags.EndsBlock);
        table.Add(Mnemonic.Sysretq, &BindSysret, FormFlags.EndsBlock);
        table.Add(Mnemonic.Sysenter, &BindSysenter, FormFlags.EndsBlock);
        table.Add(Mnemonic.Sysexit, &BindSysexit, FormFlags.EndsBlock);
        table.Add(Mnemonic.Sysexitq, &BindSysexit, FormFlags.EndsBlock);

        table.Add(Mnemonic.Lgdt, &BindDescriptorTable);
        table.Add(Mnemonic.Lidt, &BindDescriptorTable);
        table.Add(Mnemonic.Sgdt, &BindDescriptorTable);
        table.Add(Mnemonic.Sidt, &BindDescriptorTable);
        table.Add(Mnemonic.Lldt, &BindLldt);
        table.Add(Mnemonic.Sldt, &BindStoreSelector);
        table.Add(Mnemonic.Ltr, &BindLtr);
        table.Add(Mnemonic.Str, &BindStoreSelector);
        table.Add(Mnemonic.Smsw, &BindStoreSelector);
        table.Add(Mnemonic.Lmsw, &BindLmsw, FormFlags.EndsBlock);
        table.Add(Mnemonic.Clts, &BindClts, FormFlags.EndsBlock);
        table.Add(Mnemonic.Verr, &BindVerify);
        table.Add(Mnemonic.Verw, &BindVerify);
        table.Add(Mnemonic.Lar, &BindLar);
        table.Add(Mnemonic.Lsl, &BindLar);
        table.Add(Mnemonic.Arpl, &BindArpl);
        table.Add(Mnemonic.Lds, &BindLoadFar);
        table.Add(Mnemonic.Les, &BindLoadFar);
        table.Add(Mnemonic.Lss, &BindLoadFar, FormFlags.EndsBlock);
        table.Add(Mnemonic.Lfs, &BindLoadFar);
        table.Add(Mnemonic.Lgs, &BindLoadFar);

        table.Add(Mnemonic.Invlpg, &BindInvlpg, FormFlags.EndsBlock);
        table.Add(Mnemonic.Invpcid, &BindInvpcid, FormFlags.EndsBlock);
        table.Add(Mnemonic.Invd, &BindPrivilegedNop);
        table.Add(Mnemonic.Wbinvd, &BindPrivilegedNop);
        table.Add(Mnemonic.Swapgs, &BindSwapgs);
        table.Add(Mnemonic.Rdfsbase, &BindBase);
        table.Add(Mnemonic.Rdgsbase, &BindBase);
        table.Add(Mnemonic.Wrfsbase, &BindBase);
        table.Add(Mnemonic.Wrgsbase, &BindBase);

        table.Add(Mnemonic.Cpuid, &BindCpuid, FormFlags.EndsBlock); // serializes: what others have written as code is looked at before the next instruction
        table.Add(Mnemonic.Vmcall, &BindVmcall);
        table.Add(Mnemonic.Rdmsr, &BindRdmsr);
        table.Add(Mnemonic.Wrmsr, &BindWrmsr, FormFlags.EndsBlock);
        table.Add(Mnemonic.Rdtsc, &BindRdtsc);
        table.Add(Mnemonic.Rdtscp, &BindRdtsc);
        table.Add(Mnemonic.Rdpid, &BindRdpid);
        table.Add(Mnemonic.Rdpmc, &BindRdpmc);
        table.Add(Mnemonic.Rdrand, &BindRandom);
        table.Add(Mnemonic.Rdseed, &BindRandom);

        table.Add(Mnemonic.In, &BindIn, FormFlags.EndsBlock);
        table.Add(Mnemonic.Out, &BindOut, FormFlags.EndsBlock);
        table.Add(Mnemonic.Rsm, &BindRsm);
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
