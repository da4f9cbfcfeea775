using Holon.X86;

namespace Holon.Oracle.Guest;

/// <summary>An engine as an instruction runner: each case runs in a <see cref="UserModeGuest"/>.</summary>
/// <remarks>An exception of the engine itself becomes the outcome <see cref="EngineFailed"/>; <see cref="LastFailure"/> has its text.</remarks>
public abstract class EngineProcessor : IInstructionRunner
{
    /// <summary>The vector that stands for an engine that gave up, for example because it lacks the instruction.</summary>
    public const int EngineFailed = 0x101;

    private const int MostSteps = 64; // more than the largest repeat count of a case

    private readonly byte[] _content = new byte[AddressLayout.WindowSize];
    private readonly byte[] _written = new byte[AddressLayout.WindowWritable];

    /// <summary>Takes over a guest.</summary>
    protected EngineProcessor(UserModeGuest guest) => Guest = guest;

    /// <inheritdoc/>
    public int Capacity => 512;

    /// <summary>What the engine's own exception said most recently.</summary>
    public string? LastFailure { get; private set; }

    /// <summary>The guest.</summary>
    protected UserModeGuest Guest { get; }

    /// <summary>The vCPU under test.</summary>
    protected abstract IVcpu Vcpu { get; }

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> window, ReadOnlySpan<TestCase> cases, Span<CaseResult> results)
    {
        window.CopyTo(_content);
        CopyToGuest(0, window);
        for (var i = 0; i < cases.Length; i++) RunCase(window, in cases[i], ref results[i]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Executes one instruction, or one iteration of a repeated one; delivers the exception that it raises.</summary>
    protected abstract void Step();

    /// <summary>Releases guest and engine.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (!disposing) return;
        Vcpu.Dispose();
        Guest.Dispose();
    }

    private void RunCase(ReadOnlySpan<byte> window, in TestCase test, ref CaseResult result)
    {
        var patchOffset = (int)(test.PatchAddress - AddressLayout.Window);
        var patch = ((ReadOnlySpan<byte>)test.Patch)[..test.PatchLength];
        patch.CopyTo(_content.AsSpan(patchOffset));
        CopyToGuest(patchOffset, patch);
        WriteCode(test.Before.Rip, ((ReadOnlySpan<byte>)test.Code)[..test.CodeLength]);

        ref var state = ref Vcpu.State;
        UserModeGuest.SetSystemState(ref state);
        StateConversion.Load(ref state, in test.Before);
        Vcpu.Invalidate();
        result = default;
        try
        {
            Execute(in test, ref state);
            Collect(ref state, ref result);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LastFailure = $"{failure.Message}{Environment.NewLine}{failure.StackTrace?.Split('\n')[0]}";
            result.Vector = EngineFailed;
        }

        RecordWrites(ref result);
        ClearCode(test.Before.Rip, test.CodeLength);
        var original = window.Slice(patchOffset, patch.Length);
        original.CopyTo(_content.AsSpan(patchOffset));
        CopyToGuest(patchOffset, original);
    }

    private void Execute(in TestCase test, ref CpuState state)
    {
        var steps = 0;
        do Step();
        while ((test.Flags & CaseFlags.Repeats) != 0 && state.Rip == test.Before.Rip && ++steps < MostSteps);
    }

    private void Collect(ref CpuState state, ref CaseResult result)
    {
        StateConversion.Save(ref state, ref result.After);
        const ulong trapAndResume = Rflags.TF | Rflags.RF;
        var handler = state.Rip - UserModeGuest.Handlers;
        if (handler >= 32 * 16)
        {
            result.Vector = CaseResult.Completed;
        }
        else
        {
            result.Vector = (int)handler / 16;
            var frame = Guest.ReadFrame(result.After.Gpr[4], result.Vector is 8 or 10 or 11 or 12 or 13 or 14 or 17);
            result.ErrorCode = frame.ErrorCode;
            result.FaultAddress = result.Vector == (int)ExceptionVector.PageFault ? state.Cr2 : 0;
            result.After.Rip = frame.Rip;
            result.After.Rflags = frame.Rflags;
            result.After.Gpr[4] = frame.Rsp;
            result.After.Selectors[SegmentRegisters.Cs] = frame.Cs;
            result.After.Selectors[SegmentRegisters.Ss] = frame.Ss;
        }

        result.After.Rflags &= ~trapAndResume;
    }

    private void RecordWrites(ref CaseResult result)
    {
        for (var at = 0; at < _written.Length; at += AddressLayout.PageSize) Guest.WindowPage(at / AddressLayout.PageSize).CopyTo(_written.AsSpan(at));
        var before = _content.AsSpan(0, _written.Length);
        var first = before.CommonPrefixLength(_written);
        if (first == _written.Length) return;
        var last = _written.Length;
        while (before[last - 1] == _written[last - 1]) last--;
        result.WrittenStart = first;
        result.WrittenLength = last - first;
        _written.AsSpan(first, Math.Min(last - first, CaseResult.WrittenCapacity)).CopyTo(result.Written);
        CopyToGuest(first, before[first..last]);
    }

    private void CopyToGuest(int offset, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var inPage = offset % AddressLayout.PageSize;
            var length = Math.Min(bytes.Length, AddressLayout.PageSize - inPage);
            bytes[..length].CopyTo(Guest.WindowPage(offset / AddressLayout.PageSize)[inPage..]);
            bytes = bytes[length..];
            offset += length;
        }
    }

    private void WriteCode(ulong address, ReadOnlySpan<byte> code)
    {
        for (var i = 0; i < code.Length; i++) SetCodeByte(address + (uint)i, code[i]);
    }

    private void ClearCode(ulong address, int length)
    {
        for (var i = 0; i < length; i++) SetCodeByte(address + (uint)i, AddressLayout.CodeFiller);
    }

    private void SetCodeByte(ulong address, byte value)
    {
        var offset = (int)(address - AddressLayout.Code);
        if (offset < AddressLayout.CodeSize) Guest.CodePage(offset / AddressLayout.PageSize)[offset % AddressLayout.PageSize] = value;
    }
}
