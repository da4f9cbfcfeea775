namespace Holon.Translator;

// The x87 state between CpuState and the host's unit: as FNSAVE and FRSTOR have it in 64-bit mode (SDM vol. 1 §8.1.10, figure 8-9).
public sealed unsafe partial class Translator
{
    private const int Control = 0, Status = 4, Tags = 8, FirstRegister = 28, RegisterBytes = 10;

    private void GiveX87()
    {
        var image = _own->X87Image;
        ref var state = ref State;
        new Span<byte>(image, FirstRegister).Clear();
        *(ushort*)(image + Control) = state.FpuControl;
        *(ushort*)(image + Status) = state.FpuStatus;
        *(ushort*)(image + Tags) = state.FpuTag;
        var top = (state.FpuStatus >> 11) & 7;
        for (var i = 0; i < 8; i++)
        {
            fixed (byte* registers = state.X87) Copy(registers + (((top + i) & 7) * 16), image + FirstRegister + (i * RegisterBytes));
        }

        _own->X87Live = 1;
    }

    /// <summary>Takes the state that the epilogue has saved. The addresses of the last instruction are host's, and kept from the guest.</summary>
    private void TakeX87()
    {
        var image = _own->X87Image;
        ref var state = ref State;
        state.FpuControl = *(ushort*)(image + Control);
        state.FpuStatus = *(ushort*)(image + Status);
        state.FpuTag = *(ushort*)(image + Tags);
        var top = (state.FpuStatus >> 11) & 7;
        for (var i = 0; i < 8; i++)
        {
            fixed (byte* registers = state.X87) Copy(image + FirstRegister + (i * RegisterBytes), registers + (((top + i) & 7) * 16));
        }

        state.FpuInstructionPointer = state.FpuDataPointer = 0;
        state.FpuInstructionSelector = state.FpuDataSelector = state.FpuOpcode = 0;
        _own->X87Live = 0;
    }

    private static void Copy(byte* from, byte* to)
    {
        *(ulong*)to = *(ulong*)from;
        *(ushort*)(to + 8) = *(ushort*)(from + 8);
    }
}
