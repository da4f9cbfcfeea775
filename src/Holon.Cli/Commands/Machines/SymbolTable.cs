using System.Globalization;
using Holon.Machines;

namespace Holon.Cli.Commands.Machines;

/// <summary>Names for addresses of a Linux kernel, from its System.map or a guest's /proc/kallsyms: lines of address, type and name.</summary>
internal sealed class SymbolTable
{
    private const long MostBytes = 256 << 20;
    private const ulong FarthestFromSymbol = 1 << 20;

    private readonly List<(ulong Address, string Name)> _symbols = [];

    /// <summary>No names.</summary>
    public static SymbolTable Empty { get; } = new();

    /// <summary>Reads a file.</summary>
    /// <exception cref="HolonException">It cannot be read, or has no addresses.</exception>
    public static SymbolTable Read(string path)
    {
        try
        {
            if (new FileInfo(path).Length > MostBytes) throw new HolonException($"{path} is too long for a list of symbols; give a kernel's System.map.");
            return Parse(File.ReadLines(path), path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HolonException($"The symbols {path} cannot be read; give a kernel's System.map.", exception);
        }
    }

    /// <summary>Takes lines.</summary>
    /// <exception cref="HolonException">None of them has an address.</exception>
    public static SymbolTable Parse(IEnumerable<string> lines, string path)
    {
        var table = new SymbolTable();
        foreach (var line in lines)
        {
            var words = line.Split((char[]?)null, 4, StringSplitOptions.RemoveEmptyEntries);
            // Debian's own file has one line whose address is all ones.
            if (words.Length >= 3 && ulong.TryParse(words[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var address) && address is not (0 or ulong.MaxValue)) table._symbols.Add((address, words[2]));
        }

        if (table._symbols.Count == 0) throw new HolonException($"{path} has no symbols with addresses; Debian's are in the package linux-image-VERSION-dbg, and a guest's own in its /proc/kallsyms, when root reads that.");
        table._symbols.Sort((left, right) => left.Address.CompareTo(right.Address));
        return table;
    }

    /// <summary>The symbol that an address belongs to; empty when there is none.</summary>
    public string Find(ulong address)
    {
        var index = _symbols.BinarySearch((address, ""), Comparer<(ulong Address, string Name)>.Create((left, right) => left.Address.CompareTo(right.Address)));
        if (index < 0) index = ~index - 1;
        return index < 0 || address - _symbols[index].Address > FarthestFromSymbol ? "" : _symbols[index].Name;
    }
}
