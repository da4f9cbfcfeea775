using Iced.Intel;

namespace Holon.Interpreter.Decoding;

/// <summary>Byte offsets of registers in <see cref="VcpuContext"/>.</summary>
internal static unsafe class StateOffsets
{
    public static readonly ushort Ymm, X87, Zero, RipPage;

    private static readonly ushort[] Registers = new ushort[IcedRegisterCount];

    private const int IcedRegisterCount = 256;

    static StateOffsets()
    {
        VcpuContext context;
        Ymm = (ushort)((byte*)&context.State.Ymm[0] - (byte*)&context);
        X87 = (ushort)((byte*)&context.State.X87[0] - (byte*)&context);
        Zero = (ushort)((byte*)&context.Zero - (byte*)&context);
        RipPage = (ushort)((byte*)&context.RipPage - (byte*)&context);
        for (var i = 0; i < 16; i++)
        {
            Registers[(int)Register.RAX + i] = Registers[(int)Register.EAX + i] = Registers[(int)Register.AX + i] = Gpr(i);
            Registers[(int)Register.XMM0 + i] = Registers[(int)Register.YMM0 + i] = (ushort)(Ymm + (32 * i));
        }

        for (var i = 0; i < 4; i++)
        {
            Registers[(int)Register.AL + i] = Gpr(i);
            Registers[(int)Register.AH + i] = (ushort)(Gpr(i) + 1);
        }

        for (var i = 4; i < 16; i++) Registers[(int)Register.SPL + i - 4] = Gpr(i);
        for (var i = 0; i < 8; i++)
        {
            Registers[(int)Register.MM0 + i] = (ushort)(X87 + (16 * i));
            Registers[(int)Register.ST0 + i] = (ushort)i;
            Registers[(int)Register.TR0 + i] = (ushort)i;
        }

        for (var i = 0; i < 16; i++) Registers[(int)Register.CR0 + i] = Registers[(int)Register.DR0 + i] = (ushort)i;
        for (var i = 0; i < 6; i++) Registers[(int)Register.ES + i] = (ushort)i;
    }

    /// <summary>A general register by encoding number.</summary>
    public static ushort Gpr(int number) => (ushort)(8 * number);

    /// <summary>
    /// What an op holds for a register operand: the byte offset for general, vector and MMX registers;
    /// the encoding number for segment, control, debug and x87 stack registers.
    /// </summary>
    public static ushort Of(Register register) => Registers[(int)register];
}
