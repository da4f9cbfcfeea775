using Holon.Machines;
using Holon.Storage;
using Microsoft.Win32.SafeHandles;

namespace Holon.SystemMachine.Disks;

internal sealed unsafe class DiskFile : IBlockBackend
{
    private readonly SafeFileHandle _file;

    private DiskFile(SafeFileHandle file, bool readOnly)
    {
        _file = file;
        IsReadOnly = readOnly;
        Length = RandomAccess.GetLength(file) & ~511L;
    }

    public long Length { get; }

    public bool IsReadOnly { get; }

    public int DiscardGranularity => 4096;

    public static IBlockBackend Open(DiskSpec disk)
    {
        try
        {
            return new DiskFile(File.OpenHandle(disk.Path, FileMode.Open, disk.ReadOnly ? FileAccess.Read : FileAccess.ReadWrite, FileShare.Read), disk.ReadOnly);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HolonException($"The disk {disk.Path} cannot be opened; give a file that you can read and write.", exception);
        }
    }

    public void Submit(BlockRequest request) => ThreadPool.UnsafeQueueUserWorkItem(static work => work.Self.Execute(work.Request), (Self: this, Request: request), preferLocal: false);

    public ValueTask DisposeAsync()
    {
        _file.Dispose();
        return ValueTask.CompletedTask;
    }

    private void Execute(BlockRequest request)
    {
        var status = BlockStatus.Success;
        try
        {
            var at = request.Offset;
            foreach (ref readonly var buffer in request.Buffers.AsSpan(0, request.BufferCount))
            {
                var span = new Span<byte>((void*)buffer.Address, buffer.Length);
                if (request.Operation == BlockOperation.Read) _ = RandomAccess.Read(_file, span, at);
                else RandomAccess.Write(_file, span, at);
                at += buffer.Length;
            }

            if (request.Operation == BlockOperation.Flush) RandomAccess.FlushToDisk(_file);
            if (request.Operation == BlockOperation.WriteZeroes) RandomAccess.Write(_file, new byte[request.Length], request.Offset);
        }
        catch (IOException)
        {
            status = BlockStatus.IoError;
        }

        request.Complete(status);
    }
}
