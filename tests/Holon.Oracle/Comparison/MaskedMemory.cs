namespace Holon.Oracle.Comparison;

/// <summary>Compares memory written by instructions of whose output some bytes are undefined.</summary>
internal static class MaskedMemory
{
    /// <summary>Compares what both wrote, except for a range relative to the memory operand, whose address the case's patch marks.</summary>
    public static bool Agree(ReadOnlySpan<byte> window, in TestCase test, (int Start, int Length) ignored, in CaseResult expected, in CaseResult actual, List<string>? differences)
    {
        var operand = (int)(test.PatchAddress - AddressLayout.Window);
        for (var at = 0; at < AddressLayout.WindowWritable; at++)
        {
            if (at >= operand + ignored.Start && at < operand + ignored.Start + ignored.Length) continue;
            var expectedByte = ByteAt(window, in test, in expected, at);
            var actualByte = ByteAt(window, in test, in actual, at);
            if (expectedByte == actualByte) continue;
            differences?.Add($"memory    operand+{at - operand}: expected {expectedByte:x2}, got {actualByte:x2}");
            return false;
        }

        return true;
    }

    private static byte ByteAt(ReadOnlySpan<byte> window, in TestCase test, in CaseResult result, int at)
    {
        var written = at - result.WrittenStart;
        if (written >= 0 && written < result.WrittenSpan.Length) return result.WrittenSpan[written];
        var patched = at - (int)(test.PatchAddress - AddressLayout.Window);
        return patched >= 0 && patched < test.PatchLength ? test.Patch[patched] : window[at];
    }
}
