namespace Holon.Python.Modules.Network;

/// <summary>Sending and receiving.</summary>
internal static unsafe partial class SocketModule
{
    private static void DefineTransfers(PyType t)
    {
        t.Def("recv", "bufsize, flags=0, /", (o, a) => new PyBytes(Receive(S(o), Size(a[0]!, "recv"), Args.Int(a[1]!), out _)));
        t.Def("recvfrom", "bufsize, flags=0, /", (o, a) =>
        {
            var data = Receive(S(o), Size(a[0]!, "recvfrom"), Args.Int(a[1]!), out var from);
            return new PyTuple(new PyBytes(data), SocketAddress.ToPython(from));
        });
        t.DefKept("recv_into", "buffer, nbytes=0, flags=0", (o, a) => PyInt.Of(ReceiveInto(S(o), a, "recv_into", out _)));
        t.DefKept("recvfrom_into", "buffer, nbytes=0, flags=0", (o, a) => new PyTuple(PyInt.Of(ReceiveInto(S(o), a, "recvfrom_into", out var from)), SocketAddress.ToPython(from)));
        t.Def("send", "data, flags=0, /", (o, a) => PyInt.Of(Send(S(o), Buffers.Bytes(a[0]), Args.Int(a[1]!))));
        t.Def("sendall", "data, flags=0, /", (o, a) =>
        {
            var data = Buffers.Bytes(a[0]);
            var flags = Args.Int(a[1]!);
            var clock = System.Diagnostics.Stopwatch.StartNew();
            for (var at = 0; at < data.Length;)
            {
                at += (int)Send(S(o), data.AsMemory(at), flags);
                if (S(o).Timeout > 0 && clock.Elapsed.TotalSeconds > S(o).Timeout && at < data.Length)
                    throw TimedOut();
            }
            return Values.None;
        });
        t.Def("sendto", "data, flags_or_address, address=?, /", (o, a) =>
        {
            if (a[2] is not null && a[1] is not PyInt)
                throw Err.Type($"'{a[1]!.Type.FullName}' object cannot be interpreted as an integer");
            var flags = a[2] is null ? 0 : Args.Int(a[1]!);
            var data = Buffers.Bytes(a[0]);
            var address = SocketAddress.FromPython(a[2] ?? a[1]!, S(o).Family, "sendto");
            return PyInt.Of(S(o).Gate.OnAddress(address, false, to => Blocking(S(o), PollOut, () => SocketCalls.SendTo(S(o).Fd, data, data.Length, flags | NoSignal, to, to.Length))));
        });
    }

    /// <summary>Waiting is done before, where it can be interrupted.</summary>
    private const int DontWait = 0x40;

    private const int NoSignal = 0x4000;

    private static long Size(PyObject size, string function)
    {
        var n = Args.Long(size);
        if (n < 0)
            throw Err.Value($"negative buffersize in {function}");
        PyThread.Current.Machine.Limits.CheckSize(n);
        return n;
    }

    private static byte[] Receive(PySocket s, long size, int flags, out byte[] from)
    {
        var buffer = new byte[size];
        var address = new byte[SocketAddress.MaxSize];
        var length = 0;
        var got = Blocking(s, PollIn, () =>
        {
            length = address.Length;
            return SocketCalls.RecvFrom(s.Fd, buffer, buffer.Length, flags | DontWait, address, ref length);
        });
        from = address[..Math.Clamp(length, 0, address.Length)];
        return got == buffer.Length ? buffer : buffer[..(int)Math.Min(got, buffer.Length)];
    }

    private static int ReceiveInto(PySocket s, PyObject?[] a, string function, out byte[] from)
    {
        var target = Buffers.Writable(a[0]);
        var size = Args.Long(a[1]!);
        if (size < 0)
            throw Err.Value($"negative buffersize in {function}");
        if (size > target.Bytes.Length)
            throw Err.Value(function == "recv_into" ? "buffer too small for requested bytes" : "nbytes is greater than the length of the buffer");
        var data = Receive(s, size == 0 ? target.Bytes.Length : size, Args.Int(a[2]!), out from);
        data.CopyTo(target.Writable);
        return data.Length;
    }

    private static long Send(PySocket s, ReadOnlyMemory<byte> data, int flags) =>
        Blocking(s, PollOut, () => SocketCalls.Send(s.Fd, data.Span, data.Length, flags | NoSignal | DontWait));

    private static void DefineMessages(PyType t)
    {
        t.Def("sendmsg", "buffers, ancdata=?, flags=0, address=None, /", (o, a) =>
        {
            byte[] data = [.. Ops.Each(a[0]!).SelectMany(Buffers.Bytes)];
            var control = a[1] is null ? [] : Control(a[1]!);
            var address = Args.IsNone(a[3]) ? [] : SocketAddress.FromPython(a[3]!, S(o).Family, "sendmsg");
            var flags = Args.Int(a[2]!) | NoSignal;
            return PyInt.Of(S(o).Gate.OnAddress(address, false, to => Blocking(S(o), PollOut, () =>
            {
                // The arrays are pinned while the kernel reads them; empty ones give a null pointer and length 0.
                fixed (byte* dataAt = data, controlAt = control, addressAt = to)
                {
                    var vector = new IoVector { Base = dataAt, Length = (nuint)data.Length };
                    var header = new MessageHeader { Name = addressAt, NameLength = (uint)to.Length, Vectors = &vector, VectorCount = 1, Control = controlAt, ControlLength = (nuint)control.Length };
                    return SocketCalls.SendMsg(S(o).Fd, &header, flags);
                }
            })));
        });
        t.Def("recvmsg", "bufsize, ancbufsize=0, flags=0, /", (o, a) =>
        {
            var buffer = new byte[Size(a[0]!, "recvmsg")];
            var (got, rest) = ReceiveMessage(S(o), buffer, a[1]!, Args.Int(a[2]!));
            return new PyTuple([new PyBytes(buffer[..got]), .. rest]);
        });
        t.Def("recvmsg_into", "buffers, ancbufsize=0, flags=0, /", (o, a) =>
        {
            var targets = Ops.Each(a[0]!).Select(Buffers.Writable).ToArray();
            var buffer = new byte[targets.Sum(target => target.Bytes.Length)];
            var (got, rest) = ReceiveMessage(S(o), buffer, a[1]!, Args.Int(a[2]!));
            var left = buffer.AsSpan(0, got);
            foreach (var target in targets)
            {
                var part = left[..Math.Min(left.Length, target.Bytes.Length)];
                part.CopyTo(target.Writable);
                left = left[part.Length..];
            }
            return new PyTuple([PyInt.Of(got), .. rest]);
        });
    }

    private const int ControlHeader = 16;

    /// <summary>SCM_RIGHTS of SOL_SOCKET: the data are descriptors.</summary>
    private static bool IsDescriptors(int level, int type) => level == SolSocket && type == 1;

    /// <summary>struct cmsghdr and its data for each item, aligned to eight bytes.</summary>
    private static byte[] Control(PyObject items)
    {
        var result = new List<byte>();
        foreach (var item in Ops.Each(items))
        {
            if (item is not PyTuple { Count: 3 } parts)
                throw Err.Type("sendmsg() argument 2 must be an iterable of (level, type, data) tuples");
            var data = Buffers.Bytes(parts[2]);
            if (IsDescriptors(Args.Int(parts[0]), Args.Int(parts[1])))
            {
                // A program passes on only what it has.
                for (var at = 0; at + 4 <= data.Length; at += 4)
                    Gate.Current.Use(BitConverter.ToInt32(data, at));
            }
            result.AddRange(BitConverter.GetBytes((long)(ControlHeader + data.Length)));
            result.AddRange(BitConverter.GetBytes(Args.Int(parts[0])));
            result.AddRange(BitConverter.GetBytes(Args.Int(parts[1])));
            result.AddRange(data);
            result.AddRange(new byte[-data.Length & 7]);
        }
        return [.. result];
    }

    private static (int Got, PyObject[] More) ReceiveMessage(PySocket s, byte[] buffer, PyObject controlSize, int flags)
    {
        var size = Args.Long(controlSize);
        if (size is < 0 or > 1 << 20)
            throw Err.Value("invalid ancillary data buffer length");
        var (control, address) = (new byte[size], new byte[SocketAddress.MaxSize]);
        var (controlLength, addressLength, resultFlags) = (0, 0, 0);
        var got = Blocking(s, PollIn, () =>
        {
            fixed (byte* dataAt = buffer, controlAt = control, addressAt = address)
            {
                var vector = new IoVector { Base = dataAt, Length = (nuint)buffer.Length };
                var header = new MessageHeader { Name = addressAt, NameLength = (uint)address.Length, Vectors = &vector, VectorCount = 1, Control = controlAt, ControlLength = (nuint)control.Length };
                var result = SocketCalls.RecvMsg(s.Fd, &header, flags);
                (controlLength, addressLength, resultFlags) = ((int)header.ControlLength, (int)header.NameLength, header.Flags);
                return result;
            }
        });
        var items = new PyList();
        var left = control.AsSpan(0, Math.Clamp(controlLength, 0, control.Length));
        while (left.Length >= ControlHeader)
        {
            var length = (int)Math.Clamp(BitConverter.ToInt64(left), ControlHeader, left.Length);
            if (IsDescriptors(BitConverter.ToInt32(left[8..]), BitConverter.ToInt32(left[12..])))
            {
                for (var at = ControlHeader; at + 4 <= length; at += 4)
                    s.Gate.Keep(BitConverter.ToInt32(left[at..]));
            }
            items.Add(new PyTuple(PyInt.Of(BitConverter.ToInt32(left[8..])), PyInt.Of(BitConverter.ToInt32(left[12..])), new PyBytes(left[ControlHeader..length].ToArray())));
            left = left[Math.Min(left.Length, length + 7 & ~7)..];
        }
        return ((int)Math.Min(got, buffer.Length), [items, PyInt.Of(resultFlags), SocketAddress.ToPython(address.AsSpan(0, Math.Clamp(addressLength, 0, address.Length)))]);
    }
}
