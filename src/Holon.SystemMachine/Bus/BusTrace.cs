using System.Text;

namespace Holon.SystemMachine.Bus;

/// <summary>Writes down accesses, for people who debug guests.</summary>
internal sealed class BusTrace(TextWriter writer, TraceCategories categories)
{
    /// <summary>The longest line kept together; firmware may write on for ever.</summary>
    private const int LongestLine = 512;

    private readonly StringBuilder _line = new();

    /// <summary>What makes a bus trace worth having.</summary>
    public const TraceCategories Categories = TraceCategories.Io | TraceCategories.Mmio | TraceCategories.Firmware;

    /// <summary>True when firmware is to have a debug console.</summary>
    public bool Firmware => (categories & TraceCategories.Firmware) != 0;

    public void Port(ushort port, int size, uint value, bool write)
    {
        if ((categories & TraceCategories.Io) != 0) writer.WriteLine($"io    {(write ? "out" : "in ")} 0x{port:x4} {size} 0x{value:x}");
    }

    public void Mmio(ulong address, int size, ulong value, bool write)
    {
        if ((categories & TraceCategories.Mmio) != 0) writer.WriteLine($"mmio  {(write ? "write" : "read ")} 0x{address:x} {size} 0x{value:x}");
    }

    /// <summary>Takes a character that firmware wrote to its debug console.</summary>
    public void FirmwareOutput(byte character)
    {
        if (character != '\n') _line.Append(character is >= 32 and < 127 ? (char)character : '.');
        if (character != '\n' && _line.Length < LongestLine) return;
        writer.WriteLine($"bios  {_line}");
        _line.Clear();
    }
}
