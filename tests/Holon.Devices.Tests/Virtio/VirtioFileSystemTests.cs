using System.Text;
using Holon.Devices.Fuse;
using Holon.Devices.State;
using Holon.Devices.Tests.Fuse;
using Holon.Devices.Virtio.FileSystem;

namespace Holon.Devices.Tests.Virtio;

public sealed class VirtioFileSystemTests : IDisposable
{
    private const int Requests = 1;
    private const ulong Question = 0x40_0000, Room = 0x50_0000;

    private readonly string _folder = Directory.CreateTempSubdirectory("holon-share-").FullName;
    private readonly TestDriver _driver;
    private readonly TestQueue _queue, _urgent;
    private ulong _unique;

    public VirtioFileSystemTests()
    {
        _driver = new TestDriver(new VirtioFileSystem(new FuseServer(new SharedFolderOptions(_folder)), "src"));
        _driver.Negotiate();
        _urgent = _driver.SetUp(0);
        _queue = _driver.SetUp(Requests, 16);
        _driver.Ready();
        Ask(FuseOperation.Initialize, 0, FuseClient.Bytes(new FuseInitialize { Major = 7, Minor = 37, Features = uint.MaxValue }));
    }

    public void Dispose()
    {
        _driver.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Its_configuration_tells_tag_and_queues() // §5.11.4
    {
        Assert.Equal(26, _driver.Function.Device.Description.Type);
        Assert.Equal("src\0"u8.ToArray(), BitConverter.GetBytes((uint)_driver.Device(0, 4)));
        Assert.Equal(1ul, _driver.Device(36, 4));
    }

    [Fact]
    public void Data_goes_straight_between_files_and_guest_memory()
    {
        File.WriteAllText(Path.Combine(_folder, "file"), new string('a', 6000));
        var (_, answer) = Ask(FuseOperation.Lookup, 1, FuseClient.Text("file"));
        var node = FuseClient.As<FuseEntry>(answer).Node;
        (_, answer) = Ask(FuseOperation.Open, node, FuseClient.Bytes(new FuseOpen { Flags = 2 }));
        var handle = FuseClient.As<FuseOpenAnswer>(answer).Handle;
        var (error, data) = Ask(FuseOperation.Read, node, FuseClient.Bytes(new FuseTransfer { Handle = handle, Size = 8192 }));
        Assert.Equal(0, error);
        Assert.Equal(new string('a', 6000), Encoding.ASCII.GetString(data));
        (error, _) = Ask(FuseOperation.Write, node, [.. FuseClient.Bytes(new FuseTransfer { Handle = handle, Offset = 1, Size = 3 }), .. "xyz"u8]);
        Assert.Equal(0, error);
        Assert.StartsWith("axyza", File.ReadAllText(Path.Combine(_folder, "file")), StringComparison.Ordinal);
    }

    [Fact]
    public void Forgetting_has_no_answer_and_an_answer_without_room_is_an_error()
    {
        File.WriteAllText(Path.Combine(_folder, "file"), "");
        var (_, answer) = Ask(FuseOperation.Lookup, 1, FuseClient.Text("file"));
        var message = Put(FuseOperation.Forget, FuseClient.As<FuseEntry>(answer).Node, FuseClient.Bytes(1ul));
        Assert.Equal(0u, _urgent.Do(false, message));
        Assert.Equal((-116, 0), (Ask(FuseOperation.Open, FuseClient.As<FuseEntry>(answer).Node, FuseClient.Bytes(new FuseOpen())).Error, 0));
        message = Put(FuseOperation.Lookup, 1, FuseClient.Text("file"));
        Assert.Equal(16u, _queue.Do(false, message, new DriverBuffer(Room, 64, true)));
        Assert.Equal(-5, _driver.Memory.Read<int>(Room + 4));
        Assert.Equal(0u, _queue.Do(false, message)); // not even for the header
    }

    [Theory]
    [InlineData(39)]
    [InlineData(100_000)]
    public void A_message_that_is_none_breaks_the_device(int length)
    {
        _queue.Add(false, new DriverBuffer(Question, (uint)length, false), new DriverBuffer(Room, 64, true));
        _queue.Notify();
        Assert.NotNull(_driver.Broken);
    }

    [Fact]
    public void What_the_guest_knows_survives_being_saved()
    {
        File.WriteAllText(Path.Combine(_folder, "file"), "x");
        var (_, answer) = Ask(FuseOperation.Lookup, 1, FuseClient.Text("file"));
        var node = FuseClient.As<FuseEntry>(answer).Node;
        _driver.Function.Device.Stop();
        var writer = new DeviceStateWriter();
        writer.BeginSection("fs", 1);
        _driver.Function.Device.Save(writer);
        writer.EndSection();
        using var other = new TestDriver(new VirtioFileSystem(new FuseServer(new SharedFolderOptions(_folder)), "src"));
        _driver.Memory.Span(0, 8 << 20).CopyTo(other.Memory.Span(0, 8 << 20));
        var reader = new DeviceStateReader(writer.Written, "state");
        reader.BeginSection("fs", 1);
        other.Function.Device.Load(reader);
        reader.EndSection();
        Assert.Equal((2, 1), (((VirtioFileSystem)other.Function.Device).Counts.Known, ((VirtioFileSystem)other.Function.Device).Counts.Descriptors));
        Assert.NotEqual(0ul, node);
    }

    private DriverBuffer Put(FuseOperation operation, ulong node, params byte[][] parts)
    {
        byte[] message = [.. FuseClient.Bytes(new FuseHeader { Operation = operation, Unique = ++_unique, Node = node, Length = (uint)(40 + parts.Sum(part => part.Length)) }), .. parts.SelectMany(part => part)];
        message.CopyTo(_driver.Memory.Span(Question, message.Length));
        return new DriverBuffer(Question, (uint)message.Length, false);
    }

    private (int Error, byte[] Answer) Ask(FuseOperation operation, ulong node, params byte[][] parts)
    {
        // Room in pieces that do not fit the answer's parts.
        var written = _queue.Do(true, Put(operation, node, parts), new DriverBuffer(Room, 20, true), new DriverBuffer(Room + 0x1000, 100, true), new DriverBuffer(Room + 0x2000, 60_000, true));
        byte[] answer = [.. _driver.Memory.Span(Room, 20), .. _driver.Memory.Span(Room + 0x1000, 100), .. _driver.Memory.Span(Room + 0x2000, 60_000)];
        Assert.Equal(written, BitConverter.ToUInt32(answer));
        Assert.Equal(_unique, BitConverter.ToUInt64(answer, 8));
        return (BitConverter.ToInt32(answer, 4), answer[16..(int)written]);
    }
}
