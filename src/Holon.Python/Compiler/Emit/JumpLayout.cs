namespace Holon.Python.Compiler;

/// <summary>Gives jumps a direction and a distance.</summary>
internal static class JumpLayout
{
    /// <summary>Replaces jumps by their forward or backward form.</summary>
    public static void ChooseDirections(BasicBlock entry)
    {
        for (var b = entry; b != null; b = b.Next)
            b.Visited = false;
        for (var b = entry; b != null; b = b.Next)
        {
            b.Visited = true;
            if (b.Count == 0 || !Op.IsJump(b.Last.Opcode))
                continue;
            ref var last = ref b.Last;
            var forward = !last.Target!.Visited;
            last.Opcode = last.Opcode switch
            {
                Op.Jump => forward ? Op.JumpForward : Op.JumpBackward,
                Op.JumpNoInterrupt => forward ? Op.JumpForward : Op.JumpBackwardNoInterrupt,
                Op.PopJumpIfNotNone => forward ? Op.PopJumpForwardIfNotNone : Op.PopJumpBackwardIfNotNone,
                Op.PopJumpIfNone => forward ? Op.PopJumpForwardIfNone : Op.PopJumpBackwardIfNone,
                Op.PopJumpIfFalse => forward ? Op.PopJumpForwardIfFalse : Op.PopJumpBackwardIfFalse,
                Op.PopJumpIfTrue => forward ? Op.PopJumpForwardIfTrue : Op.PopJumpBackwardIfTrue,
                _ => last.Opcode,
            };
        }
    }

    /// <summary>Computes where blocks stand and how far jumps go; a longer distance may need a prefix, which moves what follows.</summary>
    public static void ComputeOffsets(BasicBlock entry, BasicBlock? newest)
    {
        bool again;
        do
        {
            var offset = 0;
            for (var b = entry; b != null; b = b.Next)
            {
                b.Offset = offset;
                for (var i = 0; i < b.Count; i++)
                    offset += b.Instructions[i].Size;
            }

            again = false;
            for (var b = newest; b != null; b = b.Older)
            {
                if (b.Count == 0)
                    continue;
                var end = b.Offset;
                for (var i = 0; i < b.Count; i++)
                {
                    ref var instruction = ref b.Instructions[i];
                    var size = instruction.Size;
                    end += size;
                    if (!Op.IsJump(instruction.Opcode))
                        continue;
                    instruction.Argument = Math.Abs(instruction.Target!.Offset - end);
                    again |= instruction.Size != size;
                }
            }
        }
        while (again);
    }
}
