using Holon.Jvm.ClassFile;

namespace Holon.Jvm.Tests;

public sealed class ClassFileParserTests
{
    /// <summary>The least class file: class A extends java.lang.Object, with nothing in it.</summary>
    private static byte[] Least(int major = 61, int minor = 0) =>
    [
        0xCA, 0xFE, 0xBA, 0xBE, (byte)(minor >> 8), (byte)minor, (byte)(major >> 8), (byte)major,
        0, 5,
        7, 0, 2, 1, 0, 1, (byte)'A',
        7, 0, 4, 1, 0, 16, .. "java/lang/Object"u8,
        0, 0x21, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    private static string ErrorOf(byte[] bytes) => Assert.Throws<ClassFormatException>(() => ClassFileParser.Parse(bytes, "A")).Error;

    [Fact]
    public void The_least_class_is_read()
    {
        var file = ClassFileParser.Parse(Least(), "A");
        Assert.Equal("A", file.Name);
        Assert.Equal("java/lang/Object", file.Super);
        Assert.Equal(Acc.Public | Acc.Super, file.Flags);
    }

    [Theory]
    [InlineData(44, 0)]
    [InlineData(62, 0)]
    [InlineData(61, 1)]
    [InlineData(61, 65535)]
    public void Versions_that_Java_17_does_not_know_are_refused(int major, int minor) => Assert.Equal("java/lang/UnsupportedClassVersionError", ErrorOf(Least(major, minor)));

    [Fact]
    public void Every_truncation_is_a_format_error()
    {
        var bytes = Least();
        for (var length = 0; length < bytes.Length; length++) Assert.Equal("java/lang/ClassFormatError", ErrorOf(bytes[..length]));
        Assert.Equal("java/lang/ClassFormatError", ErrorOf([.. bytes, 0]));
    }

    [Fact]
    public void A_changed_byte_gives_a_class_or_a_Java_error()
    {
        var bytes = Least();
        for (var at = 0; at < bytes.Length; at++)
        {
            for (var value = 0; value < 256; value++)
            {
                var changed = (byte[])bytes.Clone();
                changed[at] = (byte)value;
                try
                {
                    ClassFileParser.Parse(changed, "A");
                }
                catch (ClassFormatException e)
                {
                    Assert.StartsWith("java/lang/", e.Error, StringComparison.Ordinal);
                }
            }
        }
    }

    [Theory]
    [InlineData("()V", true)]
    [InlineData("(I[[Ljava/lang/String;J)D", true)]
    [InlineData("(V)V", false)]
    [InlineData("()", false)]
    [InlineData("(L;)V", false)]
    [InlineData("(Ljava.lang.String;)V", false)]
    public void Method_descriptors_are_told_from_other_text(string text, bool good) => Assert.Equal(good, Descriptor.IsMethod(text));

    [Fact]
    public void Modified_UTF_8_round_trips_and_refuses_plain_UTF_8_of_four_bytes()
    {
        const string text = "a\0é€😀";
        Assert.Equal(text, ModifiedUtf8.Decode(ModifiedUtf8.Encode(text)));
        Assert.Null(ModifiedUtf8.Decode("😀"u8));
        Assert.Null(ModifiedUtf8.Decode([0]));
    }
}
