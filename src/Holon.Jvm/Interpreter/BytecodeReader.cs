namespace Holon.Jvm.Interpreter;

/// <summary>Lengths and jump targets of bytecode instructions (JVMS §6.5).</summary>
internal static class BytecodeReader
{
    public static int U2(byte[] code, int at) => code[at] << 8 | code[at + 1];

    public static int S2(byte[] code, int at) => (short)U2(code, at);

    public static int S4(byte[] code, int at) => code[at] << 24 | code[at + 1] << 16 | code[at + 2] << 8 | code[at + 3];

    /// <summary>Length of the instruction at an index; 1 for what is none.</summary>
    public static int Length(byte[] code, int at)
    {
        int op = code[at];
        switch (op)
        {
            case 16 or 18 or (>= 21 and <= 25) or (>= 54 and <= 58) or 169 or 188:
                return 2;
            case 17 or 19 or 20 or 132 or (>= 153 and <= 168) or (>= 178 and <= 184) or 187 or 189 or 192 or 193 or 198 or 199:
                return 3;
            case 185 or 186 or 200 or 201:
                return 5;
            case 197:
                return 4;
            case 196:
                return code[at + 1] == 132 ? 6 : 4;
            case 170:
                var low = S4(code, Align(at) + 4);
                var high = S4(code, Align(at) + 8);
                if (low > high || (long)high - low > code.Length) throw new ClassFile.ClassFormatException("java/lang/VerifyError", "Bad tableswitch");
                return Align(at) + 12 + (high - low + 1) * 4 - at;
            case 171:
                var pairs = S4(code, Align(at) + 4);
                if (pairs < 0 || pairs > code.Length) throw new ClassFile.ClassFormatException("java/lang/VerifyError", "Bad lookupswitch");
                return Align(at) + 8 + pairs * 8 - at;
            default:
                return 1;
        }
    }

    public static int Align(int at) => (at + 4) & ~3;

    /// <summary>Where an instruction may jump to. Most do not jump, and cost nothing here.</summary>
    public static IEnumerable<int> Targets(byte[] code, int at) => code[at] is (>= 153 and <= 168) or 170 or 171 or (>= 198 and <= 201) ? TargetsOfJump(code, at) : [];

    private static IEnumerable<int> TargetsOfJump(byte[] code, int at)
    {
        int op = code[at];
        if (op is (>= 153 and <= 168) or 198 or 199)
        {
            yield return at + S2(code, at + 1);
        }
        else if (op is 200 or 201)
        {
            yield return at + S4(code, at + 1);
        }
        else if (op == 170)
        {
            var table = Align(at);
            yield return at + S4(code, table);
            var count = S4(code, table + 8) - S4(code, table + 4) + 1;
            for (var i = 0; i < count; i++) yield return at + S4(code, table + 12 + i * 4);
        }
        else if (op == 171)
        {
            var table = Align(at);
            yield return at + S4(code, table);
            var count = S4(code, table + 4);
            for (var i = 0; i < count; i++) yield return at + S4(code, table + 12 + i * 8);
        }
    }
}
