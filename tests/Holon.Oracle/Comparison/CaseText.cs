using System.Globalization;
using System.Text;
using Iced.Intel;

namespace Holon.Oracle.Comparison;

/// <summary>A case and what differed, for people.</summary>
public static class CaseText
{
    /// <summary>Several lines: instruction, bytes, the state that it used, the host's outcome and the differences.</summary>
    public static string Describe(ReadOnlySpan<byte> window, in TestCase test, int number, in CaseResult expected, IReadOnlyList<string> differences)
    {
        var bytes = ((ReadOnlySpan<byte>)test.Code)[..test.CodeLength];
        var instruction = Iced.Intel.Decoder.Create(64, bytes.ToArray(), test.Before.Rip).Decode();
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"case {number}: {Disassemble(in instruction)}   [{Convert.ToHexStringLower(bytes)}] at {test.Before.Rip:x}, host: {ResultComparer.Describe(in expected)}");
        AppendState(text, in test, in instruction, window);
        foreach (var difference in differences) text.AppendLine(CultureInfo.InvariantCulture, $"    {difference}");
        return text.ToString();
    }

    /// <summary>An instruction in Intel syntax.</summary>
    public static string Disassemble(in Instruction instruction)
    {
        var output = new StringOutput();
        new NasmFormatter().Format(instruction, output);
        return output.ToString();
    }

    private static void AppendState(StringBuilder text, in TestCase test, in Instruction instruction, ReadOnlySpan<byte> window)
    {
        var before = test.Before;
        text.Append(CultureInfo.InvariantCulture, $"    before: flags {FlagText.Describe(before.Rflags)}");
        var used = new InstructionInfoFactory().GetInfo(instruction);
        var usesFpu = instruction.Code.CpuidFeatures().Any(feature => feature is CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387 or CpuidFeature.MMX or CpuidFeature.FXSR);
        foreach (var register in used.GetUsedRegisters().Select(use => use.Register).Distinct()) AppendRegister(text, ref before, register);
        if (used.GetUsedRegisters().Any(use => use.Register.IsVectorRegister()) || instruction.Code.CpuidFeatures().Any(f => f.ToString().Contains("SSE", StringComparison.Ordinal) || f.ToString().Contains("AVX", StringComparison.Ordinal)))
            text.Append(CultureInfo.InvariantCulture, $" MXCSR={before.Mxcsr:x4}");
        text.AppendLine();
        if (usesFpu) AppendFpu(text, ref before);
        foreach (var memory in used.GetUsedMemory()) AppendMemory(text, in test, memory, window);
    }

    private static void AppendRegister(StringBuilder text, ref ProcessorImage before, Register register)
    {
        if (register.IsGPR())
        {
            var full = register.GetFullRegister();
            text.Append(CultureInfo.InvariantCulture, $" {full}={before.Gpr[full - Register.RAX]:x16}");
        }
        else if (register.IsVectorRegister())
        {
            var number = register.GetNumber();
            var high = register.IsYMM() ? $"{Hex(before.YmmHigh(number))}_" : "";
            text.Append(CultureInfo.InvariantCulture, $"\n        {register}={high}{Hex(before.Xmm(number))}");
        }
        else if (register is Register.FS)
        {
            text.Append(CultureInfo.InvariantCulture, $" FS.base={before.FsBase:x}");
        }
        else if (register is Register.GS)
        {
            text.Append(CultureInfo.InvariantCulture, $" GS.base={before.GsBase:x}");
        }
    }

    private static void AppendFpu(StringBuilder text, ref ProcessorImage before)
    {
        text.Append(CultureInfo.InvariantCulture, $"        FCW={before.FpuControl:x4} FSW={before.FpuStatus:x4} (TOP {before.FpuTop}) FTW={before.FpuTags:x2}");
        for (var i = 0; i < 8; i++) text.Append(CultureInfo.InvariantCulture, $"{(i % 4 == 0 ? "\n       " : "")} ST{i}={Hex(before.St(i)).Insert(4, "_")}");
        text.AppendLine();
    }

    private static void AppendMemory(StringBuilder text, in TestCase test, UsedMemory memory, ReadOnlySpan<byte> window)
    {
        var before = test.Before;
        var address = memory.GetVirtualAddress(0, (register, _, _) =>
            register.IsSegmentRegister() ? register switch { Register.FS => before.FsBase, Register.GS => before.GsBase, _ => 0 }
            : register == Register.AL ? (byte)before.Gpr[0]
            : register.IsGPR() ? Truncate(before.Gpr[register.GetFullRegister() - Register.RAX], register.GetSize())
            : 0);
        var size = Math.Clamp(memory.MemorySize.GetSize(), 1, 64);
        text.Append(CultureInfo.InvariantCulture, $"        {memory.Access} {memory.MemorySize} at {address:x}:");
        for (var i = 0; i < size; i++)
        {
            var at = address + (ulong)i - AddressLayout.Window;
            text.Append(at >= AddressLayout.WindowSize ? " ??" : $" {ByteAt(in test, window, (int)at):x2}");
        }

        text.AppendLine();
    }

    private static byte ByteAt(in TestCase test, ReadOnlySpan<byte> window, int at)
    {
        var patched = at - (int)(test.PatchAddress - AddressLayout.Window);
        return patched >= 0 && patched < test.PatchLength ? test.Patch[patched] : window[at];
    }

    private static ulong Truncate(ulong value, int size) => size == 8 ? value : value & ((1ul << (size * 8)) - 1);

    private static string Hex(Span<byte> littleEndian)
    {
        var bytes = littleEndian.ToArray();
        Array.Reverse(bytes);
        return Convert.ToHexStringLower(bytes);
    }
}
