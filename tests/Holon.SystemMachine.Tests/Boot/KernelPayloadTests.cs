using System.Diagnostics;
using CsCheck;
using Holon.Machines;
using Holon.SystemMachine.Boot.Linux;

namespace Holon.SystemMachine.Tests.Boot;

public sealed class KernelPayloadTests
{
    private static readonly byte[] Plain = CompressedFixtures.Plain(CompressedFixtures.Length);

    public static TheoryData<string, byte[]> Formats => new()
    {
        { "gzip", Payloads.Gzip(Plain) },
        { "zstd", Payloads.Zstd(Plain) },
        { "bzip2", Payloads.Bzip2(Plain) },
        { "lzma", Payloads.Lzma(Plain) },
        { "lz4 literals", Payloads.Lz4(Plain) },
        { "lz4", WithLength(CompressedFixtures.Lz4) },
        { "xz with x86 filter", WithLength(CompressedFixtures.XzX86) },
        { "xz in blocks", WithLength(CompressedFixtures.XzBlocks) },
    };

    [Theory]
    [MemberData(nameof(Formats))]
    public void Every_format_is_unpacked(string format, byte[] payload)
    {
        Assert.NotEmpty(format);
        Assert.Equal(Plain, KernelPayload.Unpack(TestKernels.BzImage(payload)));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Damage_gives_one_kind_of_error(string format, byte[] payload) =>
        Gen.Select(Gen.Int[6, payload.Length - 5], Gen.Byte[1, 255], Gen.Int[0, payload.Length]).Sample((at, change, cut) =>
        {
            var damaged = payload.ToArray();
            damaged[at] ^= change;
            Survives(damaged);
            Survives([.. payload[..cut], .. BitConverter.GetBytes(Plain.Length)]);
        }, iter: 200, print: _ => format);

    [Fact]
    public void An_uncompressed_elf_file_is_taken_as_it_is()
    {
        byte[] elf = [.. TestKernels.Elf(), 0, 0, 0, 0];
        Assert.Equal(elf, KernelPayload.Unpack(TestKernels.BzImage(elf)));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void A_wrong_length_field_is_damage(int difference)
    {
        foreach (var row in Formats)
        {
            if (row.Data.Item1 == "lzma" && difference < 0) continue; // its end mark alone says that nothing follows
            var payload = row.Data.Item2.ToArray();
            BitConverter.TryWriteBytes(payload.AsSpan(^4..), Plain.Length + difference);
            Assert.Throws<HolonException>(() => { KernelPayload.Unpack(TestKernels.BzImage(payload)); });
        }
    }

    [Fact]
    public void A_claim_of_more_than_the_limit_is_refused_before_anything_is_allocated()
    {
        byte[] payload = [.. Payloads.Gzip(Plain)[..^4], .. BitConverter.GetBytes((uint)KernelPayload.MaxLength + 1)];
        Assert.Contains("512 MiB", Assert.Throws<HolonException>(() => { KernelPayload.Unpack(TestKernels.BzImage(payload)); }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_xz_packs_is_unpacked()
    {
        const string Program = "/usr/bin/xz";
        Assert.SkipUnless(File.Exists(Program), "The xz program is not installed.");
        foreach (var options in (string[])["--x86 --lzma2=preset=0", "--x86 --lzma2=preset=9,lc=0,lp=4,pb=4", "--lzma2=preset=6,lc=4,lp=0,pb=0", "--format=lzma"])
        {
            var plain = CompressedFixtures.Plain(300_000);
            Random.Shared.NextBytes(plain.AsSpan(50_000, 100_000)); // becomes LZMA2 chunks that are not compressed
            byte[] payload = [.. Pack(Program, $"--check=crc32 {options} -c", plain), .. BitConverter.GetBytes(plain.Length)];
            Assert.Equal(plain, KernelPayload.Unpack(TestKernels.BzImage(payload)));
        }
    }

    private static void Survives(byte[] payload)
    {
        try
        {
            KernelPayload.Unpack(TestKernels.BzImage(payload));
        }
        catch (HolonException)
        {
            // The one kind of error.
        }
    }

    private static byte[] WithLength(byte[] packed) => [.. packed, .. BitConverter.GetBytes(CompressedFixtures.Length)];

    private static byte[] Pack(string program, string arguments, byte[] input)
    {
        using var file = new TemporaryFile(input);
        using var process = Process.Start(new ProcessStartInfo(program, $"{arguments} {file.Path}") { RedirectStandardOutput = true })!;
        using var output = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(output);
        process.WaitForExit();
        return output.ToArray();
    }
}
