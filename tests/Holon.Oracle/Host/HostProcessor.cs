using System.Diagnostics;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Holon.Machines;
using Holon.Oracle.Guest;

namespace Holon.Oracle.Host;

/// <summary>
/// The host's own processor as an instruction runner. A worker process executes the cases; when one of them kills it or
/// never returns, that case's result is <see cref="CaseResult.Lost"/> and a new worker goes on with the next.
/// </summary>
public sealed unsafe class HostProcessor : IInstructionRunner
{
    private const int ControlSize = 64 + AddressLayout.WindowSize;

    // A case takes about three microseconds; a full batch on a busy machine still takes far less than this.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    private readonly FileStream _file;
    private readonly string _sharedFile;
    private readonly MemoryMappedFile _mapping;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _shared;
    private Process? _worker;

    /// <summary>Makes the shared mapping; the worker starts with the first run.</summary>
    /// <param name="capacity">Most cases a batch.</param>
    public HostProcessor(int capacity = 512)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        Capacity = capacity;
        const string sharedMemory = "/dev/shm";
        var folder = Directory.Exists(sharedMemory) ? sharedMemory : Path.GetTempPath();
        var size = ControlSize + ((long)capacity * (TestCase.Size + CaseResult.Size));
        var path = Path.Combine(folder, $"holon-oracle-{Environment.ProcessId}-{Guid.NewGuid():n}");
        _file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite);
        File.Delete(path); // workers open it through this process, so that nothing is left behind however it ends
        _file.SetLength(size);
        _sharedFile = $"/proc/{Environment.ProcessId}/fd/{_file.SafeFileHandle.DangerousGetHandle()}";
        _mapping = MemoryMappedFile.CreateFromFile(_file, null, size, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
        _view = _mapping.CreateViewAccessor(0, size);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _shared); // released in Dispose; every offset below is within size
        *(int*)_shared = capacity;
    }

    /// <inheritdoc/>
    public int Capacity { get; }

    // Safe: the mapping has exactly the control block, Capacity cases and Capacity results, and lives until Dispose.
    private Span<byte> WindowContent => new(_shared + 64, AddressLayout.WindowSize);

    private Span<TestCase> Cases => new(_shared + ControlSize, Capacity);

    private Span<CaseResult> Results => new(_shared + ControlSize + ((long)Capacity * TestCase.Size), Capacity);

    private ref int CurrentCase => ref ((int*)_shared)[1];

    /// <inheritdoc/>
    public void Run(ReadOnlySpan<byte> window, ReadOnlySpan<TestCase> cases, Span<CaseResult> results)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(cases.Length, Capacity);
        window.CopyTo(WindowContent);
        cases.CopyTo(Cases);
        CurrentCase = 0;
        while (!TryRunBatch(cases.Length))
        {
            var lost = CurrentCase;
            Results[lost] = new CaseResult { Vector = CaseResult.Lost };
            CurrentCase = lost + 1;
        }

        Results[..cases.Length].CopyTo(results);
        for (var i = 0; i < cases.Length; i++) Normalize(in cases[i], ref results[i]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        StopWorker();
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _mapping.Dispose();
        _file.Dispose();
    }

    /// <summary>Removes what only tells how the host was stopped or how its kernel reports.</summary>
    private static void Normalize(in TestCase test, ref CaseResult result)
    {
        const ulong trapAndResume = X86.Rflags.TF | X86.Rflags.RF;
        result.After.Rflags &= ~trapAndResume;
        foreach (ref var selector in (Span<ushort>)result.After.Selectors) selector = StateConversion.NullAsZero(selector);
        result.SignalNumber = result.SignalCode = 0;
        const int breakpoint = 3, pageFault = 14;
        if (result.Vector == breakpoint && (test.Flags & CaseFlags.SingleStep) == 0)
        {
            result.Vector = CaseResult.Completed;
            result.After.Rip--; // the INT3 itself is not part of the case
        }

        var end = test.Before.Rip + (uint)test.CodeLength;
        if (result.Vector == pageFault && result.After.Rip == end && result.FaultAddress == end && end == AddressLayout.Code + AddressLayout.CodeSize)
            result.Vector = CaseResult.Completed; // nothing is mapped where the INT3 would be

        if (result.Vector != pageFault) result.FaultAddress = 0;
        if (result.Vector is CaseResult.Completed or breakpoint) result.ErrorCode = 0; // Linux leaves a former one there
    }

    private bool TryRunBatch(int count)
    {
        var worker = _worker ??= StartWorker();
        try
        {
            worker.StandardInput.BaseStream.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in count)));
            worker.StandardInput.BaseStream.Flush();
            var answer = new byte[4];
            var reading = worker.StandardOutput.BaseStream.ReadAsync(answer, 0, 4);
            if (reading.Wait(_patience) && reading.Result == 4) return true;
        }
        catch (IOException)
        {
            // The worker died with the batch unread: handled below like every other death.
        }

        StopWorker();
        return CurrentCase >= count;
    }

    private Process StartWorker()
    {
        var start = new ProcessStartInfo(WorkerProgram.GetPath(), $"\"{_sharedFile}\"") { RedirectStandardInput = true, RedirectStandardOutput = true };
        return Process.Start(start) ?? throw new HolonException("The oracle's worker did not start.");
    }

    private void StopWorker()
    {
        if (_worker is null) return;
        _worker.StandardInput.Dispose(); // an orderly end, when it still listens
        if (!_worker.WaitForExit(1000)) _worker.Kill();
        _worker.WaitForExit();
        var code = _worker.ExitCode;
        _worker.Dispose();
        _worker = null;
        const int killedBySignal = 128;
        if (code is > 0 and < killedBySignal) throw new HolonException($"The oracle's worker gave up with exit code {code}; Host/worker.c says why.");
    }
}
