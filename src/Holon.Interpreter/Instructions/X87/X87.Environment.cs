using Holon.X86;

namespace Holon.Interpreter.Instructions;

/// <content>The control, status and tag words as a whole.</content>
internal static unsafe partial class X87
{
    /// <summary>FNINIT (SDM vol. 2, FINIT/FNINIT). The registers keep their contents.</summary>
    public static void Initialize(ref CpuState state)
    {
        state.FpuControl = 0x37F;
        state.FpuStatus = 0;
        state.FpuTag = 0xFFFF;
        state.FpuOpcode = 0;
        state.FpuInstructionPointer = state.FpuDataPointer = 0;
    }

    /// <summary>Loads the control word, whose bit 6 always reads as one, and finds out which exceptions are pending now.</summary>
    public static void SetControl(ref CpuState state, ushort value)
    {
        const int stored = 0x1F3F, alwaysOne = 0x40;
        state.FpuControl = (ushort)((value & stored) | alwaysOne);
        UpdateErrorSummary(ref state);
    }

    /// <summary>Loads the tag word: of what is not empty, the registers' content decides the tags.</summary>
    public static void SetTags(ref CpuState state, ushort tags)
    {
        for (var physical = 0; physical < 8; physical++)
        {
            var shift = 2 * physical;
            if (((tags >> shift) & 3) != Tag.Empty) tags = (ushort)((tags & ~(3 << shift)) | (Tag.Of(GetPhysical(ref state, physical)) << shift));
        }

        state.FpuTag = tags;
    }

    /// <summary>The tag word by the registers' content, which MMX changes without regard to tags.</summary>
    public static ushort FullTags(ref CpuState state)
    {
        SetTags(ref state, state.FpuTag);
        return state.FpuTag;
    }
}
