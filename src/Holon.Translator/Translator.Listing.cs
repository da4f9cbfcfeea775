using System.Globalization;
using System.Text;
using Iced.Intel;

namespace Holon.Translator;

// What the translator makes of guest code, for people.
public sealed unsafe partial class Translator
{
    /// <summary>Translates the block at RIP, in the mode of <see cref="State"/>, and shows each guest instruction above the host code made of it.</summary>
    public string Disassemble()
    {
        UseContext();
        _cpu.TakeOverFirst();
        _blocks.UseSmap((State.Cr4 & X86.Cr4.Smap) != 0);
        var listing = _blocks.List(State.Rip, Mode, out var start, out var end, out var seldom, out var seldomEnd);
        _cpu.HandOver();
        if (listing.Count == 0) return $"At 0x{State.Rip:x} there is nothing that is translated: the interpreter takes it.{Environment.NewLine}";
        var text = new StringBuilder();
        text.AppendLine("; entries: a look at events, and status flags from where they are");
        Append(text, start, (byte*)listing[0].Host);
        for (var i = 0; i < listing.Count - 1; i++)
        {
            var formatter = new NasmFormatter();
            var output = new StringOutput();
            formatter.Format(listing[i].Guest, output);
            text.AppendLine(CultureInfo.InvariantCulture, $"{listing[i].Guest.IP:x8}  {output.ToStringAndReset()}");
            Append(text, (byte*)listing[i].Host, (byte*)listing[i + 1].Host);
        }

        if ((byte*)listing[^1].Host < end)
        {
            text.AppendLine("; how it goes on");
            Append(text, (byte*)listing[^1].Host, end);
        }

        text.AppendLine("; exits, and what is seldom executed, which lie elsewhere");
        Append(text, seldom, seldomEnd);
        return text.ToString();
    }

    private static void Append(StringBuilder text, byte* from, byte* to)
    {
        var length = (int)(to - from);
        if (length <= 0) return;
        var decoder = Iced.Intel.Decoder.Create(64, new ByteArrayCodeReader(new ReadOnlySpan<byte>(from, length).ToArray()), (ulong)from); // a copy of what was written just now
        var formatter = new NasmFormatter();
        var output = new StringOutput();
        while (decoder.IP < (ulong)to)
        {
            decoder.Decode(out var instruction);
            formatter.Format(instruction, output);
            text.AppendLine(CultureInfo.InvariantCulture, $"            +{instruction.IP - (ulong)from:x3}  {output.ToStringAndReset()}");
        }
    }
}
