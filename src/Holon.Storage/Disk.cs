using Holon.Machines;
using Holon.Storage.Host;
using Holon.Storage.Images;

namespace Holon.Storage;

/// <summary>An open disk image. What needs no waiting is done at once; everything else by threads of its own.</summary>
public sealed class Disk : IBlockBackend
{
    /// <summary>Longer reads go to a thread: whoever submits, perhaps a vCPU, is not held up by copying.</summary>
    private const int LongestReadNow = 128 * 1024;

    /// <summary>Longer writes go to a thread.</summary>
    private const int LongestWriteNow = 64 * 1024;
    private const int Sector = 512;

    private readonly RequestWorkers _workers;
    private readonly bool _discard;
    private string? _fault;
    private int _writesUnderWay; // of the threads; they lock the file, and whoever writes meanwhile waits
    private readonly Lock _line = new();
    private BlockRequestQueue _waiting; // writes that the thread which is writing takes when it has done its own
    private bool _writing;

    private Disk(DiskImage image, DiskOptions options)
    {
        Image = image;
        _discard = options.Discard;
        _workers = new RequestWorkers(Execute, Math.Max(1, options.Threads));
    }

    /// <summary>Opens an image with the files below it.</summary>
    /// <exception cref="HolonException">It is not there, not sound, in use, or of a kind that cannot be opened.</exception>
    public static Disk Open(string path, DiskOptions? options = null)
    {
        options ??= new DiskOptions();
        return FromImage(ImageOpener.Open(path, options), options);
    }

    /// <summary>Where a failed request's sentence goes; called from any thread.</summary>
    public event Action<string>? Failed;

    /// <summary>The file.</summary>
    public string Path => Image.Name;

    /// <inheritdoc/>
    public long Length => Image.Length;

    /// <inheritdoc/>
    public bool IsReadOnly => Image.IsReadOnly;

    /// <inheritdoc/>
    public int DiscardGranularity => Image.DiscardGranularity;

    /// <summary>Why the last failed request failed; null when none has.</summary>
    public string? LastFailure => Volatile.Read(ref _fault);

    /// <summary>The image behind it.</summary>
    internal DiskImage Image { get; }

    /// <inheritdoc/>
    public void Submit(BlockRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var status = Validate(request);
        if (status != BlockStatus.Success)
        {
            request.Complete(status);
        }
        else if (TryNow(request))
        {
            request.Complete(BlockStatus.Success);
        }
        else
        {
            if (request.Operation == BlockOperation.Write)
            {
                Interlocked.Increment(ref _writesUnderWay);
                if (Image.WritesTakeTurns && !BeginsWriting(request)) return;
            }

            _workers.Add(request);
        }
    }

    /// <summary>Changes the disk's size while it is in use; a new end reads as zeroes.</summary>
    /// <exception cref="HolonException">The image cannot have that size.</exception>
    public Task ResizeAsync(long length, CancellationToken cancellationToken = default) => Task.Run(() => Call(() => Image.Resize(length)), cancellationToken);

    /// <summary>Waits for the requests under way, writes down what is in memory, and closes the files.</summary>
    public async ValueTask DisposeAsync()
    {
        await Task.Run(_workers.Stop).ConfigureAwait(false);
        await Task.Run(() => Call(Image.Dispose)).ConfigureAwait(false);
    }

    /// <summary>An image that is open already.</summary>
    internal static Disk FromImage(DiskImage image, DiskOptions options) => new(image, options);

    private static void Call(Action action)
    {
        try
        {
            action();
        }
        catch (BlockFailure failure)
        {
            throw new HolonException(failure.Message);
        }
    }

    private BlockStatus Validate(BlockRequest request)
    {
        if (request.Operation == BlockOperation.Flush) return BlockStatus.Success;
        if (request.Offset < 0 || request.Length < 0 || request.Offset > Length - request.Length) return BlockStatus.OutOfRange;
        if (((request.Offset | request.Length) & (Sector - 1)) != 0) return BlockStatus.IoError;
        if (request.Operation != BlockOperation.Read && IsReadOnly) return BlockStatus.ReadOnly;
        if (request.Operation is BlockOperation.Discard or BlockOperation.WriteZeroes) return BlockStatus.Success;
        if ((uint)request.BufferCount > (uint)request.Buffers.Length) return BlockStatus.IoError;
        long sum = 0;
        foreach (var buffer in request.Buffers.AsSpan(0, request.BufferCount))
        {
            if (buffer.Length < 0) return BlockStatus.IoError;
            sum += buffer.Length;
        }

        return sum == request.Length ? BlockStatus.Success : BlockStatus.IoError;
    }

    private bool TryNow(BlockRequest request)
    {
        try
        {
            var buffers = new BufferList(request.Buffers.AsSpan(0, request.BufferCount), request.Length);
            return request.Operation switch
            {
                BlockOperation.Read => request.Length <= LongestReadNow && Image.TryReadNow(request.Offset, buffers),
                BlockOperation.Write => request.Length <= LongestWriteNow && Volatile.Read(ref _writesUnderWay) == 0 && Image.TryWriteNow(request.Offset, buffers),
                _ => false,
            };
        }
        catch (HolonException)
        {
            return false; // the thread finds the same and reports it
        }
    }

    /// <summary>Whether a write is to be carried out by a thread of its own; otherwise it now waits for its turn.</summary>
    private bool BeginsWriting(BlockRequest request)
    {
        lock (_line)
        {
            if (!_writing) return _writing = true;
            _waiting.Add(request);
            return false;
        }
    }

    /// <summary>The write whose turn it is; null when there is none.</summary>
    private BlockRequest? NextWrite()
    {
        lock (_line)
        {
            var next = _waiting.Take();
            _writing = next is not null;
            return next;
        }
    }

    private void Execute(BlockRequest request)
    {
        var takesTurns = request.Operation == BlockOperation.Write && Image.WritesTakeTurns; // once it has completed it may be another request
        ExecuteOne(request);
        while (takesTurns && NextWrite() is { } next) ExecuteOne(next);
    }

    private void ExecuteOne(BlockRequest request)
    {
        var status = BlockStatus.Success;
        var isWrite = request.Operation == BlockOperation.Write; // once it has completed it may be another one
        try
        {
            var buffers = new BufferList(request.Buffers.AsSpan(0, request.BufferCount), request.Length);
            switch (request.Operation)
            {
                case BlockOperation.Read:
                    Image.Read(request.Offset, buffers);
                    break;
                case BlockOperation.Write:
                    Image.Write(request.Offset, buffers);
                    break;
                case BlockOperation.Flush:
                    Image.Flush();
                    break;
                case BlockOperation.Discard:
                    if (_discard) Image.Discard(request.Offset, request.Length);
                    break;
                case BlockOperation.WriteZeroes:
                    Image.WriteZeroes(request.Offset, request.Length, request.MayUnmap && _discard);
                    break;
                default:
                    status = BlockStatus.IoError;
                    break;
            }
        }
        catch (BlockFailure failure)
        {
            status = failure.Status;
            Report(failure.Message);
        }
        catch (HolonException failure)
        {
            status = BlockStatus.IoError;
            Report(failure.Message);
        }
        catch (Exception defect) when (defect is not OutOfMemoryException)
        {
            // A defect of ours costs the guest one request, never the machine.
            status = BlockStatus.IoError;
            Report($"{Image.Name}: {defect.GetType().Name}: {defect.Message}");
        }

        if (isWrite) Interlocked.Decrement(ref _writesUnderWay);
        request.Complete(status);
    }

    private void Report(string message)
    {
        Volatile.Write(ref _fault, message);
        Failed?.Invoke(message);
    }
}
