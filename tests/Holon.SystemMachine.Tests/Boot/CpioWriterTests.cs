using System.Globalization;
using System.Text;
using CsCheck;
using Holon.Machines;
using Holon.SystemMachine.Boot.Cpio;

namespace Holon.SystemMachine.Tests.Boot;

public sealed class CpioWriterTests
{
    [Fact]
    public void An_entry_has_the_fields_of_newc()
    {
        var entries = Read(Write(cpio => cpio.AddCharacterDevice("/dev/console", 5, 1, 0b110_000_000, new CpioOwner(3, 4)), time: 7));
        var entry = entries[0];
        Assert.Equal("dev/console", entry.Name);
        Assert.Equal([1u, 0x2180, 3, 4, 1, 7, 0, 0, 0, 5, 1, 12, 0], entry.Fields);
    }

    [Fact]
    public void Files_directories_and_links_keep_content_and_mode()
    {
        var archive = Write(cpio =>
        {
            cpio.AddDirectory("bin");
            cpio.AddFile("bin/a", "12345"u8, CpioWriter.ExecutableMode);
            cpio.AddSymbolicLink("sbin", "bin");
            cpio.AddFile("etc", "text");
            cpio.AddBlockDevice("vda", 254, 0);
            cpio.AddFile("big", new MemoryStream(new byte[200_001]), 200_001);
            cpio.AddDirectory("/");
        });
        Assert.Equal(0, archive.Length % 4);
        var entries = Read(archive);
        Assert.Equal(["bin", "bin/a", "sbin", "etc", "vda", "big", ".", "TRAILER!!!"], entries.Select(entry => entry.Name));
        Assert.Equal([0x41EDu, 0x81ED, 0xA1FF, 0x81A4, 0x6180, 0x81A4, 0x41ED, 0], entries.Select(entry => entry.Fields[1]));
        Assert.Equal("12345"u8, entries[1].Content);
        Assert.Equal("bin"u8, entries[2].Content);
        Assert.Equal(200_001, entries[5].Content.Length);
        Assert.Equal(2u, entries[0].Fields[4]);
    }

    [Fact]
    public void Any_names_and_contents_come_back() =>
        Gen.Select(Gen.String[Gen.Char.AlphaNumeric, 1, 40], Gen.Byte.Array[0, 300]).Array[0, 20].Sample(files =>
        {
            var entries = Read(Write(cpio =>
            {
                foreach (var (name, content) in files) cpio.AddFile(name, content);
            }));
            Assert.Equal(files.Length + 1, entries.Count);
            for (var i = 0; i < files.Length; i++)
            {
                Assert.Equal(files[i].Item1, entries[i].Name);
                Assert.Equal(files[i].Item2, entries[i].Content);
            }
        }, iter: 100);

    [Fact]
    public void Names_that_cannot_be_stored_and_short_streams_are_refused()
    {
        using var cpio = new CpioWriter(new MemoryStream());
        Assert.Throws<HolonException>(() => cpio.AddDirectory("TRAILER!!!"));
        Assert.Throws<HolonException>(() => cpio.AddDirectory("a\0b"));
        Assert.Throws<HolonException>(() => cpio.AddDirectory(new string('a', CpioWriter.MaxNameLength)));
        cpio.AddDirectory(new string('a', CpioWriter.MaxNameLength - 1));
        Assert.Throws<HolonException>(() => cpio.AddFile("f", new MemoryStream(new byte[3]), 4));
        Assert.Throws<HolonException>(() => cpio.AddFile("f", Stream.Null, 1L << 32));
    }

    internal sealed record Entry(string Name, uint[] Fields, byte[] Content);

    internal static byte[] Write(Action<CpioWriter> add, uint time = 0)
    {
        var output = new MemoryStream();
        using (var cpio = new CpioWriter(output, time)) add(cpio);
        return output.ToArray();
    }

    private static List<Entry> Read(ReadOnlySpan<byte> archive)
    {
        var entries = new List<Entry>();
        while (archive.Length > 0)
        {
            Assert.Equal("070701"u8, archive[..6]);
            var fields = new uint[13];
            for (var i = 0; i < 13; i++) fields[i] = uint.Parse(archive.Slice(6 + (8 * i), 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            var name = Encoding.UTF8.GetString(archive.Slice(110, (int)fields[11] - 1));
            archive = archive[((110 + (int)fields[11] + 3) & ~3)..];
            entries.Add(new Entry(name, fields, archive[..(int)fields[6]].ToArray()));
            archive = archive[(((int)fields[6] + 3) & ~3)..];
        }

        return entries;
    }
}
