namespace Holon.Cli.Running;

/// <summary>
/// Keeps what a machine without a terminal prints, in a file and the one before it: the last megabytes of it, however much it is. A disk that is full loses
/// the rest, and the machine does not mind.
/// </summary>
internal sealed class ConsoleFile : IDisposable
{
    /// <summary>Bytes of a file before the next one begins.</summary>
    public const long MostBytes = 8 << 20;

    private readonly Lock _lock = new();
    private readonly string _path;
    private FileStream? _file;

    /// <summary>Begins a file.</summary>
    public ConsoleFile(string path)
    {
        _path = path;
        _file = Begin();
    }

    /// <summary>The file before the one at a path.</summary>
    public static string Before(string path) => path + ".1";

    /// <summary>Adds to it.</summary>
    public void Write(ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            if (_file is null) return;
            try
            {
                if (_file.Position + data.Length > MostBytes)
                {
                    _file.Dispose();
                    File.Move(_path, Before(_path), overwrite: true);
                    _file = Begin();
                }

                _file.Write(data);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // Nobody could be told who is not told better by the missing end.
            }
        }
    }

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _file?.Dispose();
            _file = null;
        }
    }

    private FileStream Begin() => new(_path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
}
