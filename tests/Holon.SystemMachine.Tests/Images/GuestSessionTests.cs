using System.Diagnostics;
using System.Text;
using CsCheck;
using Holon.Machines;
using Holon.SystemMachine.Images;

namespace Holon.SystemMachine.Tests.Images;

public sealed class GuestSessionTests
{
    private static readonly Gen<string> Word = Gen.OneOf(Gen.String[Gen.Char[" '\"$`\\\n*?!;&|<>()~#ä%"], 0, 12], Gen.String.AlphaNumeric, Gen.Const("-n"));

    [Fact]
    public void A_shell_reads_back_exactly_the_command_and_the_names() =>
        Word.Array[1, 6].Select(Word).Sample((command, type) =>
        {
            var session = new GuestSession { Command = command, TerminalType = type, HostName = type };
            var read = Shell(Session(session) + "\nfor word; do printf '%s\\0' \"$word\"; done; printf '%s\\0%s\\0' \"$TERM\" \"$name\"");
            return read.Split((char)0).SkipLast(1).SequenceEqual([.. command, type, type]);
        }, iter: 20, threads: 1);

    [Fact]
    public void A_zero_byte_cannot_be_passed() => Assert.Throws<HolonException>(() => new GuestSession { Command = ["a\0b"] }.ToInitrd());

    [Fact]
    public void A_command_beyond_all_measure_is_refused() =>
        Assert.Throws<HolonException>(() => new GuestSession { Command = [new string('x', GuestSession.MaxCommandBytes)] }.ToInitrd());

    [Fact]
    public void The_init_script_is_one_that_a_shell_can_read() => Assert.Equal("", Shell($"sh -n <<'END-OF-INIT' 2>&1\n{Entry(new GuestSession().ToInitrd(), "init")}\nEND-OF-INIT"));

    [Fact]
    public void The_guest_programs_are_executables_that_this_kernel_takes()
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, GuestProgram("holon/foreground"));
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            Assert.Equal("one two|0", Shell($"'{path}' /bin/echo one two | tr '\\n' '|'; printf $?"));
            Assert.Equal("127", Shell($"'{path}' /nonexistent; printf $?"));

            // Started in the background by a shell without job control, the program would ignore the interrupt and sleep on.
            Assert.Equal("130", Shell($"'{path}' /bin/sleep 30 & sleep 0.1; kill -INT $!; wait $!; printf $?"));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static byte[] GuestProgram(string name) => Encoding.Latin1.GetBytes(Entry(new GuestSession().ToInitrd(), name, Encoding.Latin1));

    private static string Session(GuestSession session) => Entry(session.ToInitrd(), "holon/session");

    /// <summary>A file of a cpio archive in the newc format.</summary>
    private static string Entry(byte[] archive, string name, Encoding? encoding = null)
    {
        for (var at = 0; at < archive.Length;)
        {
            int Field(int index) => Convert.ToInt32(Encoding.ASCII.GetString(archive, at + 6 + (8 * index), 8), 16);
            var (size, nameSize) = (Field(6), Field(11));
            var content = (at + 110 + nameSize + 3) & ~3;
            if (Encoding.UTF8.GetString(archive, at + 110, nameSize - 1) == name) return (encoding ?? Encoding.UTF8).GetString(archive, content, size);
            at = (content + size + 3) & ~3;
        }

        throw new InvalidDataException($"There is no {name}.");
    }

    private static string Shell(string script)
    {
        using var shell = Process.Start(new ProcessStartInfo("/bin/sh") { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        shell.StandardInput.Write(script);
        shell.StandardInput.Close();
        return shell.StandardOutput.ReadToEnd();
    }
}
