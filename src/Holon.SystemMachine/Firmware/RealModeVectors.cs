using Holon.Memory;

namespace Holon.SystemMachine.Firmware;

/// <summary>
/// What a kernel that goes back to real mode needs of a PC's firmware: interrupt vectors that lead to handlers, which here do nothing
/// but end the interrupt, and the PC's interrupt controllers and timer as firmware sets them (IBM PC AT Technical Reference, "BIOS").
/// </summary>
internal static class RealModeVectors
{
    private const ulong HandlersAddress = 0xDF000;
    private const int Vectors = 256, FirstMaster = 0x08, FirstSlave = 0x70, Lines = 8;
    private const ushort Segment = (ushort)(HandlersAddress >> 4);

    private static ReadOnlySpan<byte> Return => [0xCF]; // iret

    private static ReadOnlySpan<byte> EndMaster => [0x50, 0xB0, 0x20, 0xE6, 0x20, 0x58, 0xCF]; // push ax; mov al, 20h; out 20h, al; pop ax; iret

    private static ReadOnlySpan<byte> EndBoth => [0x50, 0xB0, 0x20, 0xE6, 0xA0, 0xE6, 0x20, 0x58, 0xCF]; // the same for port A0h and port 20h

    /// <summary>Ports and values: both 8259A with the PC's vectors, timer, keyboard and cascade open; the timer at 18.2 Hz.</summary>
    public static IReadOnlyList<(ushort Port, byte Value)> PortWrites { get; } =
    [
        (0x20, 0x11), (0x21, FirstMaster), (0x21, 0x04), (0x21, 0x01), (0x21, 0xF8),
        (0xA0, 0x11), (0xA1, FirstSlave), (0xA1, 0x02), (0xA1, 0x01), (0xA1, 0xFF),
        (0x43, 0x36), (0x40, 0x00), (0x40, 0x00),
    ];

    /// <summary>Writes vectors and handlers.</summary>
    public static void Place(GuestMemory memory)
    {
        ushort offset = 0;
        var plain = PlaceHandler(memory, ref offset, Return);
        var master = PlaceHandler(memory, ref offset, EndMaster);
        var slave = PlaceHandler(memory, ref offset, EndBoth);
        for (var vector = 0; vector < Vectors; vector++)
        {
            var handler = vector is >= FirstMaster and < FirstMaster + Lines ? master : vector is >= FirstSlave and < FirstSlave + Lines ? slave : plain;
            memory.Write((ulong)vector * 4, ((uint)Segment << 16) | handler);
        }
    }

    private static ushort PlaceHandler(GuestMemory memory, ref ushort offset, ReadOnlySpan<byte> code)
    {
        var start = offset;
        memory.Write(HandlersAddress + start, code);
        offset += (ushort)((code.Length + 15) & ~15);
        return start;
    }
}
