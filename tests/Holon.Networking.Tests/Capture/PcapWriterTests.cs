using System.Buffers.Binary;
using Holon.Networking.Capture;

namespace Holon.Networking.Tests.Capture;

public sealed class PcapWriterTests
{
    [Fact]
    public void A_full_file_is_put_aside_and_the_oldest_goes()
    {
        var folder = Directory.CreateTempSubdirectory("holon-test-");
        try
        {
            var path = Path.Combine(folder.FullName, "run.pcap");
            var frame = new byte[1000];
            var number = 0u;
            using (var writer = new PcapWriter(new CaptureOptions(path, FileBytes: 8000, Files: 3)))
            {
                // Another thread writes; more frames come until the first file is the oldest that is kept, and has gone then.
                var first = "";
                while (first.Length == 0 || !File.Exists($"{path}.2") || Name(path + ".2") == first)
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(frame, number++);
                    writer.Add(frame, []);
                    Thread.Sleep(0);
                    if (first.Length == 0 && File.Exists($"{path}.2")) first = Name(path + ".2");
                    TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
                }
            }

            Assert.Equal(["run.pcap", "run.pcap.1", "run.pcap.2"], folder.GetFiles().Select(file => file.Name).Order(StringComparer.Ordinal));
            var numbers = new[] { $"{path}.2", $"{path}.1", path }.SelectMany(Numbers).ToArray();
            Assert.Equal(numbers.Order(), numbers);
            Assert.InRange(numbers[^1], 1u, number - 1);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Name(string path)
    {
        try
        {
            return string.Join(' ', Numbers(path).Take(1));
        }
        catch (IOException)
        {
            return ""; // it is being moved
        }
    }

    /// <summary>What stands at the beginning of each frame of a file.</summary>
    private static List<uint> Numbers(string path)
    {
        var bytes = File.ReadAllBytes(path);
        Assert.Equal(0xA1B2_3C4D, BinaryPrimitives.ReadUInt32LittleEndian(bytes));
        var numbers = new List<uint>();
        for (var at = 24; at < bytes.Length;)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at + 8));
            numbers.Add(BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 16)));
            at += 16 + length;
        }

        return numbers;
    }
}
