namespace Holon.Python.Compiler;

/// <summary>Fewer SWAP instructions with the same effect; pattern matching makes many.</summary>
internal static class SwapOptimizer
{
    private const int Visited = -1;

    /// <summary>Replaces a run of swaps by the shortest one; <paramref name="index"/> moves to its end.</summary>
    public static void ShortenRun(BasicBlock b, ref int index)
    {
        var run = b.Instructions.AsSpan(index, b.Count - index);
        var depth = run[0].Argument;
        var length = 1;
        var hasMore = false;
        for (; length < run.Length; length++)
        {
            if (run[length].Opcode == Op.Swap)
            {
                depth = Math.Max(depth, run[length].Argument);
                hasMore = true;
            }
            else if (run[length].Opcode != Op.Nop)
            {
                break;
            }
        }

        if (!hasMore)
            return;
        var stack = new int[depth];
        for (var i = 0; i < depth; i++)
            stack[i] = i;
        for (var i = 0; i < length; i++)
        {
            if (run[i].Opcode == Op.Swap)
                (stack[0], stack[run[i].Argument - 1]) = (stack[run[i].Argument - 1], stack[0]);
        }

        // Each cycle of the permutation is done by swaps with the top, written from the end of the run.
        var current = length - 1;
        for (var i = 0; i < depth; i++)
        {
            if (stack[i] == Visited || stack[i] == i)
                continue;
            for (var j = i; ;)
            {
                if (j != 0)
                {
                    run[current].Opcode = Op.Swap;
                    run[current--].Argument = j + 1;
                }

                if (stack[j] == Visited)
                    break;
                (j, stack[j]) = (stack[j], Visited);
            }
        }

        while (current >= 0)
            run[current--].Opcode = Op.Nop;
        index += length - 1;
    }

    /// <summary>Swaps the stores that follow, in place of the values: SWAP 2, POP_TOP, STORE_FAST becomes STORE_FAST, POP_TOP.</summary>
    public static void ApplyStatically(BasicBlock b, int index)
    {
        for (; index >= 0; index--)
        {
            ref var swap = ref b.Instructions[index];
            if (swap.Opcode != Op.Swap)
            {
                if (swap.Opcode == Op.Nop || IsSwappable(swap.Opcode))
                    continue;
                return;
            }

            var first = NextSwappable(b, index, -1);
            if (first < 0)
                return;
            var other = first;
            var line = b.Instructions[first].Span.Line;
            for (var count = swap.Argument - 1; count > 0; count--)
            {
                other = NextSwappable(b, other, line);
                if (other < 0)
                    return;
            }

            swap.Opcode = Op.Nop;
            (b.Instructions[first], b.Instructions[other]) = (b.Instructions[other], b.Instructions[first]);
        }
    }

    // These only take the top, run no code of others and cannot jump.
    private static bool IsSwappable(int opcode) => opcode is Op.StoreFast or Op.PopTop;

    private static int NextSwappable(BasicBlock b, int index, int line)
    {
        while (++index < b.Count)
        {
            ref var instruction = ref b.Instructions[index];
            if (line >= 0 && instruction.Span.Line != line)
                return -1;
            if (instruction.Opcode == Op.Nop)
                continue;
            return IsSwappable(instruction.Opcode) ? index : -1;
        }

        return -1;
    }
}
