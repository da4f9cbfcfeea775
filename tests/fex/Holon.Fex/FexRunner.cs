using System.Runtime.InteropServices;
using Holon.X86;
using Iced.Intel;

namespace Holon.Fex;

/// <summary>How a test ended.</summary>
internal enum FexVerdict
{
    /// <summary>Every register holds what it must.</summary>
    Passed,

    /// <summary>Something differs; the detail says what.</summary>
    Failed,

    /// <summary>It was not run; the detail says why.</summary>
    Skipped,
}

/// <summary>A test's outcome.</summary>
internal sealed record FexOutcome(FexTest Test, FexVerdict Verdict, string Detail = "");

/// <summary>Runs tests on an engine, each in a guest of its own.</summary>
/// <param name="engine">Makes the vCPU.</param>
/// <param name="model">The processor that tests see.</param>
internal sealed class FexRunner(EngineFactory engine, CpuModel model)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private static readonly string[] _generalRegisters = ["RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"];

    // The suite's names of features, each by an instruction that has it; "none" stands for what no x86-64 processor of ours has.
    private static readonly Dictionary<string, Code> _features = new()
    {
        ["3DNOW"] = Code.D3NOW_Pi2fd_mm_mmm64,
        ["EMMI"] = Code.D3NOW_Pi2fd_mm_mmm64,
        ["SSE4A"] = Code.Extrq_xmm_xmm,
        ["AVX"] = Code.VEX_Vaddpd_ymm_ymm_ymmm256,
        ["RAND"] = Code.Rdrand_r64,
        ["SHA"] = Code.Sha1msg1_xmm_xmmm128,
        ["CLZERO"] = Code.Clzeroq,
        ["BMI1"] = Code.VEX_Andn_r64_r64_rm64,
        ["BMI2"] = Code.VEX_Bzhi_r64_rm64_r64,
        ["CLWB"] = Code.Clwb_m8,
        ["AES256"] = Code.VEX_Vaesenc_ymm_ymm_ymmm256,
        ["AFP"] = Code.VEX_Vaddpd_ymm_ymm_ymmm256,
        ["SSSE3"] = Code.Pshufb_xmm_xmmm128,
        ["SSE4.1"] = Code.Pblendw_xmm_xmmm128_imm8,
        ["SSE4.2"] = Code.Pcmpgtq_xmm_xmmm128,
        ["AES"] = Code.Aesenc_xmm_xmmm128,
        ["PCLMUL"] = Code.Pclmulqdq_xmm_xmmm128_imm8,
        ["MOVBE"] = Code.Movbe_r64_m64,
        ["ADX"] = Code.Adcx_r64_rm64,
        ["XSAVE"] = Code.Xsave_mem,
        ["RDPID"] = Code.Rdpid_r64,
        ["CLFLOPT"] = Code.Clflushopt_m8,
        ["FSGSBASE"] = Code.Rdfsbase_r64,
    };

    /// <summary>Runs a test.</summary>
    public FexOutcome Run(FexTest test, ReadOnlySpan<byte> code)
    {
        foreach (var feature in test.Features)
        {
            if (feature == "LINUX") return new FexOutcome(test, FexVerdict.Skipped, "needs Linux underneath");
            if (!_features.TryGetValue(feature, out var instruction)) return new FexOutcome(test, FexVerdict.Skipped, $"needs {feature}, which this runner does not know");
            if (!model.Has(instruction)) return new FexOutcome(test, FexVerdict.Skipped, $"needs {feature}, which {model.Name} does not have");
        }

        using var guest = new FexGuest(test, code);
        var outside = new Surroundings();
        using var vcpu = engine(guest.Memory, outside, model);
        outside.Reached = vcpu.RequestStop;
        ref var state = ref vcpu.State;
        state.Reset(model.Signature);
        FexGuest.SetState(ref state, test.Is32Bit);
        vcpu.Invalidate();

        var late = false;
        VcpuExit exit;
        using (new Timer(_ => { late = true; vcpu.RequestStop(); }, null, Limit, Timeout.InfiniteTimeSpan)) exit = vcpu.Run();
        if (exit.Reason != VcpuExitReason.StopRequested) return new FexOutcome(test, FexVerdict.Failed, $"{exit.Reason}: {exit.Detail}");
        if (late) return new FexOutcome(test, FexVerdict.Failed, $"does not end; it is at 0x{state.Rip:x}");
        return Judge(test, guest, ref state);
    }

    private static unsafe FexOutcome Judge(FexTest test, FexGuest guest, ref CpuState state)
    {
        var vector = (int)((state.Rip - FexGuest.Handlers) / 16);
        var (rip, rsp) = guest.ReadFrame(state.Gpr[4], vector);
        if (vector != (int)ExceptionVector.GeneralProtection || guest.Read(rip) != 0xF4)
            return new FexOutcome(test, FexVerdict.Failed, $"{(ExceptionVector)vector} at 0x{rip:x}{(vector == (int)ExceptionVector.PageFault ? $" for 0x{state.Cr2:x}" : "")}: {Disassemble(test, guest, rip)}");
        state.Gpr[4] = rsp;
        List<string> differences = [];
        foreach (var expectation in test.Expected)
        {
            for (var i = 0; i < expectation.Words.Count; i++)
            {
                if (Word(ref state, expectation.Register, i, rip) is not { } actual)
                    return new FexOutcome(test, FexVerdict.Skipped, $"expects something of {expectation.Register}, which this runner does not know");
                if (test.Is32Bit && Array.IndexOf(_generalRegisters, expectation.Register) >= 0) actual = (uint)actual; // the upper half is nobody's
                if (actual != expectation.Words[i]) differences.Add($"{expectation.Register}{(expectation.Words.Count > 1 ? $"[{i}]" : "")} is {actual:x16}, not {expectation.Words[i]:x16}");
            }
        }

        return differences.Count == 0 ? new FexOutcome(test, FexVerdict.Passed) : new FexOutcome(test, FexVerdict.Failed, string.Join("; ", differences));
    }

    private static unsafe ulong? Word(ref CpuState state, string register, int index, ulong rip)
    {
        // Safe: the numbers were checked against the buffers' lengths, and the state lives in the engine's native memory.
        if (Array.IndexOf(_generalRegisters, register) is var general and >= 0 && index == 0) return state.Gpr[general];
        if (Numbered(register, "XMM", 16) is { } vector && index < 4) return MemoryMarshal.Read<ulong>(MemoryMarshal.CreateSpan(ref state.Ymm[(vector * 32) + (index * 8)], 8));
        if (Numbered(register, "MM", 8) is { } multimedia && index < 2)
        {
            var word = MemoryMarshal.Read<ulong>(MemoryMarshal.CreateSpan(ref state.X87[(multimedia * 16) + (index * 8)], 8));
            return index == 0 ? word : word & 0xFFFF; // an x87 register has 80 bits
        }

        return (register, index) switch
        {
            ("RIP", 0) => rip,
            ("FS", 0) => state.Segments[SegmentRegisters.Fs].Base,
            ("GS", 0) => state.Segments[SegmentRegisters.Gs].Base,
            _ => null,
        };
    }

    private static int? Numbered(string register, string kind, int count) =>
        register.StartsWith(kind, StringComparison.Ordinal) && int.TryParse(register.AsSpan(kind.Length), out var number) && number < count ? number : null;

    private static string Disassemble(FexTest test, FexGuest guest, ulong address)
    {
        List<byte> bytes = [];
        while (bytes.Count < 15 && guest.Read(address + (ulong)bytes.Count) is { } value) bytes.Add(value);
        if (bytes.Count == 0) return "no memory there";
        var instruction = Decoder.Create(test.Is32Bit ? 32 : 64, bytes.ToArray(), address).Decode();
        return $"{instruction} ({Convert.ToHexStringLower([.. bytes.Take(instruction.Length)])})";
    }
}
