namespace Holon.Python.Runtime;

/// <summary>The code of a standard library file: from its compiled form when that is fresh, by the compiler otherwise.</summary>
internal static class FrozenCode
{
    public static PyCode Load(Machine machine, string file, string name)
    {
        var compiled = Path.Combine(Path.GetDirectoryName(file)!, "__pycache__", Path.GetFileNameWithoutExtension(file) + ".cpython-311.pyc");
        PyCode code;
        if (machine.Options.Optimize == 0 && File.Exists(compiled) && ReadFresh(compiled, file) is { } data)
            code = (PyCode)MarshalReader.Load(data, 16);
        else
            code = (PyCode)Execution.Compile(new PyBytes(File.ReadAllBytes(file)), $"<frozen {name}>", "exec");
        Rename(code, new PyStr($"<frozen {name.Replace("_frozen_importlib_external", "importlib._bootstrap_external", StringComparison.Ordinal).Replace("_frozen_importlib", "importlib._bootstrap", StringComparison.Ordinal)}>"));
        return code;
    }

    // Magic number, flags, time of the source, size of the source.
    private static byte[]? ReadFresh(string compiled, string source)
    {
        var data = File.ReadAllBytes(compiled);
        if (data.Length < 16 || data[0] != 0xa7 || data[1] != 0x0d)
            return null;
        var seconds = BitConverter.ToUInt32(data, 8);
        var modified = (uint)new DateTimeOffset(File.GetLastWriteTimeUtc(source)).ToUnixTimeSeconds();
        return BitConverter.ToInt32(data, 4) != 0 || (seconds == modified && BitConverter.ToUInt32(data, 12) == (uint)new FileInfo(source).Length) ? data : null;
    }

    // Tracebacks leave out frames of files with these names.
    private static void Rename(PyCode code, PyStr filename)
    {
        code.Filename = filename;
        foreach (var inner in code.Consts.OfType<PyCode>())
            Rename(inner, filename);
    }
}
