using System.Runtime.InteropServices;

namespace Holon.Python.Runtime;

internal static class Errno
{
    public const int ENOENT = 2, EINTR = 4, EBADF = 9, EAGAIN = 11, EACCES = 13, EEXIST = 17, ENOTDIR = 20, EISDIR = 21, EINVAL = 22, ENOSYS = 38;

    public static string Message(int number) => Marshal.GetPInvokeErrorMessage(number);

    /// <summary>Turns .NET's exceptions of files into OSError.</summary>
    public static PyError From(Exception error, string? path) => error switch
    {
        FileNotFoundException or DirectoryNotFoundException => Err.OS(ENOENT, path),
        UnauthorizedAccessException => Err.OS(path is not null && Directory.Exists(path) ? EISDIR : EACCES, path),
        IOException io when io.HResult is > 0 and < 200 => Err.OS(io.HResult, path),
        _ => Err.OS(5, path),
    };
}

/// <summary>File names: UTF-8 with surrogateescape.</summary>
internal static class FileSystemCodec
{
    public static PyStr Decode(string path) => PyStr.FromUtf16(path);

    public static PyStr Decode(ReadOnlySpan<byte> bytes) => Codecs.DecodeUtf8(bytes, "surrogateescape");

    public static byte[] Encode(PyStr text) => Codecs.EncodeUtf8(text, "surrogateescape");

    /// <summary>A path argument: str, bytes or something with <c>__fspath__</c>.</summary>
    public static string Path(PyObject o, string function = "path")
    {
        if (o is not (PyStr or PyBytes))
        {
            if (o is IBuffer buffer)
            {
                Warn.Deprecated($"{function}: path should be string, bytes, os.PathLike or integer, not {o.Type.Name}");
                return Path(new PyBytes(buffer.Bytes.ToArray()), function);
            }
            if (Calls.Special(o, Names.Intern("__fspath__")) is not { } path)
                throw Err.Type($"{function}: path should be string, bytes, os.PathLike or integer, not {o.Type.FullName}");
            o = path;
        }
        var text = o switch
        {
            PyStr s => s.Value,
            PyBytes b => Decode(b.Content).Value,
            _ => throw Err.Type($"expected {o.Type.FullName}.__fspath__() to return str or bytes, not {o.Type.FullName}"),
        };
        return text.Contains('\0', StringComparison.Ordinal) ? throw Err.Value("embedded null byte") : text;
    }
}
