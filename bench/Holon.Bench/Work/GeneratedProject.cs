using System.Globalization;
using System.Text;

namespace Holon.Bench.Work;

/// <summary>
/// A C project of any size, the same every time: functions of arithmetic, branches, loops and tables that call each other, in files with
/// a common header. What the program must print is computed here, while the source is written.
/// </summary>
internal sealed class GeneratedProject
{
    private readonly int _functionsInFile;
    private readonly Random _random = new(20);
    private readonly List<Func<uint, uint>> _functions = [];

    private GeneratedProject(int functionsInFile) => _functionsInFile = functionsInFile;

    /// <summary>The project's files.</summary>
    public List<GuestFile> Files { get; } = [];

    /// <summary>Lines of source.</summary>
    public int Lines { get; private set; }

    /// <summary>What the compiled program prints.</summary>
    public string Expected { get; private set; } = "";

    /// <summary>Writes a project.</summary>
    /// <param name="folder">The guest's folder for it.</param>
    /// <param name="lines">At least so many lines.</param>
    /// <param name="functionsInFile">How large a file is; a function has about thirty lines.</param>
    public static GeneratedProject Make(string folder, int lines, int functionsInFile = 50)
    {
        var project = new GeneratedProject(functionsInFile);
        while (project.Lines < lines) project.AddFile(folder);
        project.AddMain(folder);
        return project;
    }

    private void AddFile(string folder)
    {
        var text = new StringBuilder("#include \"project.h\"\n#include <stdio.h>\n#include <string.h>\n\n");
        for (var i = 0; i < _functionsInFile; i++) AddFunction(text);
        Add($"{folder}/part{Files.Count:D3}.c", text);
    }

    private void AddFunction(StringBuilder text)
    {
        var number = _functions.Count;
        uint multiplier = (uint)_random.Next() | 1, limit = (uint)_random.Next(3, 12), shift = (uint)_random.Next(1, 15), mask = (uint)_random.Next();
        var table = Enumerable.Range(0, 8).Select(_ => (uint)_random.Next()).ToArray();
        var callee = number == 0 ? -1 : _random.Next(Math.Max(0, number - 40), number);
        var call = callee < 0 ? null : _functions[callee];
        text.Append(CultureInfo.InvariantCulture, $$"""
            /* Mixes a number in its own way. */
            uint32_t mix{{number}}(uint32_t x)
            {
                static const uint32_t table[8] = { {{string.Join(", ", table.Select(value => $"{value}u"))}} };
                struct state state = { x, x ^ {{mask}}u, 0 };
                for (uint32_t i = 0; i < {{limit}}u; i++) {
                    state.sum = state.sum * {{multiplier}}u + table[(x + i) & 7];
                    if (state.sum & 1u)
                        state.left += state.sum >> {{shift}};
                    else
                        state.right ^= state.left << {{shift}};
                }
                switch (x % 5u) {
                case 0:
                    state.sum ^= state.left;
                    break;
                case 1:
                    state.sum += state.right;
                    break;
                case 2:
                    state.sum -= state.left ^ state.right;
                    break;
                default:
                    state.sum = ~state.sum;
                    break;
                }
                return {{(call is null ? "state.sum" : $"(state.sum & 3u) ? state.sum : mix{callee}(state.sum ^ x)")}};
            }


            """);
        _functions.Add(x =>
        {
            uint left = x, right = x ^ mask, sum = 0;
            for (var i = 0u; i < limit; i++)
            {
                sum = (sum * multiplier) + table[(x + i) & 7];
                if ((sum & 1) != 0) left += sum >> (int)shift;
                else right ^= left << (int)shift;
            }

            sum = (x % 5) switch { 0 => sum ^ left, 1 => sum + right, 2 => sum - (left ^ right), _ => ~sum };
            return call is null || (sum & 3) != 0 ? sum : call(sum ^ x);
        });
    }

    private void AddMain(string folder)
    {
        var header = new StringBuilder("#pragma once\n#include <stdint.h>\n\nstruct state {\n    uint32_t left, right, sum;\n};\n\n");
        var main = new StringBuilder("#include \"project.h\"\n#include <stdio.h>\n\nint main(void)\n{\n    uint32_t sum = 1;\n");
        var sum = 1u;
        for (var i = 0; i < _functions.Count; i++)
        {
            header.Append(CultureInfo.InvariantCulture, $"uint32_t mix{i}(uint32_t x);\n");
            main.Append(CultureInfo.InvariantCulture, $"    sum = sum * 31u + mix{i}(sum);\n");
            sum = (sum * 31) + _functions[i](sum);
        }

        main.Append("    printf(\"%08x\\n\", sum);\n    return 0;\n}\n");
        Expected = sum.ToString("x8", CultureInfo.InvariantCulture);
        Add($"{folder}/project.h", header);
        Add($"{folder}/main.c", main);
    }

    private void Add(string path, StringBuilder text)
    {
        var content = text.ToString();
        Lines += content.Count(character => character == '\n');
        Files.Add(new GuestFile(path, Encoding.UTF8.GetBytes(content)));
    }
}
