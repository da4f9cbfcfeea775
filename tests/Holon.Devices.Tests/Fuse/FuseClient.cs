using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Holon.Devices.Fuse;

namespace Holon.Devices.Tests.Fuse;

/// <summary>A guest's kernel, as far as the server sees it: makes messages and reads answers.</summary>
internal sealed unsafe class FuseClient : IDisposable
{
    private readonly FuseRequest _request = new(16);
    private readonly FuseScratch _scratch = new();
    private ulong _unique;

    public FuseClient(string folder, bool readOnly = false, bool? mapped = null, int mostDescriptors = 0, FolderCache cache = FolderCache.Auto)
    {
        Server = new FuseServer(new SharedFolderOptions(folder, readOnly, mapped, mostDescriptors, cache));
        var (error, answer) = Call(FuseOperation.Initialize, 0, Bytes(new FuseInitialize { Major = 7, Minor = 37, ReadAhead = 131072, Features = uint.MaxValue }));
        Assert.Equal(0, error);
        Features = (FuseFeatures)As<FuseInitializeAnswer>(answer).Features;
    }

    public FuseServer Server { get; }

    /// <summary>What the server agreed to.</summary>
    public FuseFeatures Features { get; }

    public uint User { get; set; }

    public uint Group { get; set; }

    /// <summary>False to have requests answered only if the host has everything in memory.</summary>
    public bool MayWait { get; set; } = true;

    public static byte[] Bytes<T>(T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(ref value)).ToArray();

    public static byte[] Text(string text) => [.. Encoding.UTF8.GetBytes(text), 0];

    public static T As<T>(byte[] answer)
        where T : unmanaged => MemoryMarshal.Read<T>(answer);

    public (int Error, byte[] Answer) Call(FuseOperation operation, ulong node, params byte[][] parts)
    {
        Begin(operation, node, parts);
        return Finish();
    }

    public FuseEntry Lookup(ulong folder, string name)
    {
        var (error, answer) = Call(FuseOperation.Lookup, folder, Text(name));
        Assert.True(error == 0, $"{name}: {error}");
        return As<FuseEntry>(answer);
    }

    public int LookupError(ulong folder, string name) => Call(FuseOperation.Lookup, folder, Text(name)).Error;

    public FuseEntry Path(string path) => path.Split('/').Aggregate(new FuseEntry { Node = 1 }, (folder, name) => Lookup(folder.Node, name));

    public (int Error, FuseEntry Entry, ulong Handle) Create(ulong folder, string name, uint flags = 2, uint mode = 0x1A4)
    {
        var (error, answer) = Call(FuseOperation.Create, folder, Bytes(new FuseCreate { Flags = flags | 0x40, Mode = mode }), Text(name));
        return error != 0 ? (error, default, 0) : (0, As<FuseEntry>(answer), As<FuseOpenAnswer>(answer[sizeof(FuseEntry)..]).Handle);
    }

    public (int Error, FuseOpenAnswer Answer) Open(ulong node, uint flags = 0)
    {
        var (error, answer) = Call(FuseOperation.Open, node, Bytes(new FuseOpen { Flags = flags }));
        return error != 0 ? (error, default) : (0, As<FuseOpenAnswer>(answer));
    }

    public (int Error, byte[] Data) Read(ulong handle, long offset, int size)
    {
        var data = GC.AllocateArray<byte>(size + 1, pinned: true);
        Begin(FuseOperation.Read, 0, Bytes(new FuseTransfer { Handle = handle, Offset = (ulong)offset, Size = (uint)size }));
        _request.AddVector((nint)Unsafe.AsPointer(ref data[0]), size);
        var (error, _) = Finish();
        return (error, data[..(int)_request.DataLength]);
    }

    public (int Error, uint Written) Write(ulong handle, long offset, byte[] data, uint flags = 0, uint writeFlags = 0)
    {
        var pinned = GC.AllocateArray<byte>(data.Length + 1, pinned: true);
        data.CopyTo(pinned, 0);
        Begin(FuseOperation.Write, 0, Bytes(new FuseTransfer { Handle = handle, Offset = (ulong)offset, Size = (uint)data.Length, ReadOrWriteFlags = writeFlags, Flags = flags }));
        _request.AddVector((nint)Unsafe.AsPointer(ref pinned[0]), data.Length);
        var (error, answer) = Finish();
        return (error, error != 0 ? 0 : As<uint>(answer));
    }

    public FuseAttributes Attributes(ulong node)
    {
        var (error, answer) = Call(FuseOperation.GetAttributes, node, new byte[16]);
        Assert.Equal(0, error);
        return As<FuseAttributesAnswer>(answer).Attributes;
    }

    public (int Error, FuseAttributes Attributes) Set(ulong node, FuseSetAttributes set)
    {
        var (error, answer) = Call(FuseOperation.SetAttributes, node, Bytes(set));
        return error != 0 ? (error, default) : (0, As<FuseAttributesAnswer>(answer).Attributes);
    }

    /// <summary>All names of a folder, and what is told of each.</summary>
    public List<(string Name, FuseEntry Entry)> List(ulong folder, int size = 4096, bool plus = true)
    {
        var (error, opened) = Call(FuseOperation.OpenFolder, folder, Bytes(new FuseOpen()));
        Assert.Equal(0, error);
        var handle = As<FuseOpenAnswer>(opened).Handle;
        var names = new List<(string, FuseEntry)>();
        var offset = 0ul;
        while (true)
        {
            (error, var answer) = Call(plus ? FuseOperation.ReadFolderPlus : FuseOperation.ReadFolder, folder, Bytes(new FuseTransfer { Handle = handle, Offset = offset, Size = (uint)size }));
            Assert.Equal(0, error);
            if (answer.Length == 0) break;
            for (var at = 0; at < answer.Length;)
            {
                var entry = plus ? As<FuseEntry>(answer[at..]) : default;
                if (plus) at += sizeof(FuseEntry);
                offset = As<ulong>(answer[(at + 8)..]);
                var length = As<int>(answer[(at + 16)..]);
                names.Add((Encoding.UTF8.GetString(answer, at + 24, length), entry));
                at += (24 + length + 7) & ~7;
            }
        }

        Call(FuseOperation.ReleaseFolder, folder, Bytes(new FuseTransfer { Handle = handle }));
        return names;
    }

    public void Dispose() => Server.Dispose();

    private void Begin(FuseOperation operation, ulong node, params byte[][] parts)
    {
        var header = new FuseHeader { Operation = operation, Unique = ++_unique, Node = node, User = User, Group = Group, Length = (uint)(40 + parts.Sum(part => part.Length)) };
        var message = _request.Begin((int)header.Length);
        Bytes(header).CopyTo(message);
        var at = 40;
        foreach (var part in parts)
        {
            part.CopyTo(message[at..]);
            at += part.Length;
        }
    }

    private (int Error, byte[] Answer) Finish()
    {
        var outcome = Server.Execute(_request, _scratch, MayWait);
        if (outcome == FuseOutcome.MustWait) return (-11, []);
        return outcome == FuseOutcome.Silent ? (0, []) : (_request.Error, _request.Answer.ToArray());
    }
}
