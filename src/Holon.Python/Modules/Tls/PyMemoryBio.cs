namespace Holon.Python.Modules.Tls;

/// <summary>ssl.MemoryBIO: what one side of a connection writes for the other to read.</summary>
internal sealed class PyMemoryBio : PyObject
{
    private const int SetEofReturn = 130, WaitingBytes = 10, Retry = 15;

    public PyMemoryBio()
    {
        Handle = OpenSsl.NewStream(OpenSsl.MemoryStreams());
        _ = OpenSsl.StreamControl(Handle, SetEofReturn, -1, 0);
    }

    ~PyMemoryBio() => _ = OpenSsl.FreeStream(Handle);

    public nint Handle { get; }

    public bool HasEnded { get; private set; }

    public override PyType Type => SslModule.MemoryBio;

    public long Waiting => OpenSsl.StreamControl(Handle, WaitingBytes, 0, 0);

    public PyBytes Read(long count)
    {
        var size = count < 0 ? Waiting : Math.Min(count, Waiting);
        if (size == 0)
            return PyBytes.Empty;
        var data = new byte[size];
        var got = OpenSsl.ReadStream(Handle, data, data.Length);
        GC.KeepAlive(this);
        return new PyBytes(got == data.Length ? data : data[..Math.Max(0, got)]);
    }

    public int Write(ReadOnlySpan<byte> data)
    {
        if (HasEnded)
            throw SslErrors.Of(SslErrors.Error, 0, "cannot write() after write_eof()");
        PyThread.Current.Machine.Limits.CheckSize(data.Length + Waiting);
        var written = data.Length == 0 ? 0 : OpenSsl.WriteStream(Handle, data, data.Length);
        GC.KeepAlive(this);
        return written >= 0 ? written : throw SslErrors.Last();
    }

    public void WriteEnd()
    {
        HasEnded = true;
        OpenSsl.ClearStreamFlags(Handle, Retry);
        _ = OpenSsl.StreamControl(Handle, SetEofReturn, 0, 0);
        GC.KeepAlive(this);
    }
}
