namespace Holon.Bench.Disk;

/// <summary>Programs of this host with the libraries that they load, for a guest: Debian's on both sides.</summary>
internal static class HostPrograms
{
    /// <summary>The files of some programs: programs in one folder, libraries below it in <c>lib</c>, and the loader where programs expect it.</summary>
    /// <param name="folder">The guest's folder, without a leading slash.</param>
    /// <param name="programs">Their names, found on the PATH.</param>
    public static IReadOnlyList<GuestFile> Collect(string folder, params IReadOnlyList<string> programs)
    {
        var files = new Dictionary<string, GuestFile>(StringComparer.Ordinal);
        foreach (var program in programs)
        {
            var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(each => Path.Combine(each, program)).FirstOrDefault(File.Exists)
                ?? throw new BenchException($"there is no {program} on the PATH.");
            Add($"{folder}/{program}", path);
            var (exitCode, output, errors) = CProgram.Run("ldd", [path], TimeSpan.FromSeconds(30));
            if (exitCode != 0) throw new BenchException($"ldd does not know what {program} loads: {errors.Trim()}");
            foreach (var line in output.Split('\n'))
            {
                // "libaio.so.1 => /lib/…/libaio.so.1 (0x…)", or the loader: "/lib64/ld-linux-x86-64.so.2 (0x…)"
                var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
                if (words is [_, "=>", ['/', ..] library, ..]) Add($"{folder}/lib/{Path.GetFileName(words[0])}", library);
                else if (words is [['/', ..] loader, ..]) Add(loader[1..], loader);
            }
        }

        return [.. files.Values];

        void Add(string name, string path) => files.TryAdd(name, new GuestFile(name, File.ReadAllBytes(path), Executable: true));
    }
}
