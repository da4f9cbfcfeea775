using System.Globalization;
using System.Text;
using Holon.X86;

namespace Holon.SystemMachine;

/// <summary>Writes down what a vCPU does, for people who debug guests.</summary>
internal static class CpuTrace
{
    private static readonly string[] Names = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

    /// <summary>Connects a vCPU to a writer.</summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="writer">Takes lines from the threads of all vCPUs.</param>
    /// <param name="categories">What to write down.</param>
    /// <param name="number">Which vCPU it is; null when there is one only.</param>
    public static void Attach(Interpreter.Interpreter vcpu, TextWriter writer, TraceCategories categories, int? number)
    {
        var name = $"cpu{number}".PadRight(5);
        if ((categories & TraceCategories.Exceptions) != 0)
        {
            vcpu.ExceptionTrace = (vector, error, interrupt) => writer.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name} {(interrupt ? "interrupt" : "exception")} {vector} error 0x{error:x} at {vcpu.State.Segments[SegmentRegisters.Cs].Selector:x4}:{vcpu.State.Rip:x} cr2 0x{vcpu.State.Cr2:x}"));
        }

        if ((categories & TraceCategories.Cpu) == 0) return;
        var line = new StringBuilder();
        vcpu.InstructionTrace = () => Instruction(vcpu, writer, name, line);
    }

    private static unsafe void Instruction(Interpreter.Interpreter vcpu, TextWriter writer, string name, StringBuilder line)
    {
        ref var state = ref vcpu.State;
        line.Clear().Append(CultureInfo.InvariantCulture, $"{name} {state.Segments[SegmentRegisters.Cs].Selector:x4}:{state.Rip:x16} fl {state.Rflags:x}");
        for (var i = 0; i < 16; i++) line.Append(CultureInfo.InvariantCulture, $" {Names[i]} {state.Gpr[i]:x}"); // a fixed buffer of 16, read within its bounds
        writer.WriteLine(line);
    }
}
