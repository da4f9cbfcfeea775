using System.Text;
using System.Text.Json.Serialization;
using Holon.Devices.Fuse;
using Holon.Devices.Virtio.FileSystem;
using Holon.Machines;

namespace Holon.SystemMachine.Shares;

/// <summary>A folder of the host that the guest finds in a place of its own.</summary>
public sealed record ShareSpec
{
    private const int HashLength = 9, LongestTarget = 1024;

    /// <summary>The folder on the host.</summary>
    public required string Source { get; init; }

    /// <summary>Where the guest finds it: an absolute path.</summary>
    public required string Target { get; init; }

    /// <summary>True when nothing in it may change through the guest.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>True when owners in the guest are kept beside the files, though Holon runs as root; an ordinary user's are always.</summary>
    public bool Mapped { get; init; }

    /// <summary>What the guest keeps of it in its own memory.</summary>
    public FolderCache Cache { get; init; }

    /// <summary>By what the guest mounts it: made of <see cref="Target"/>.</summary>
    [JsonIgnore]
    public string Tag => TagOf(Target);

    /// <summary>Reads what <c>--share</c> is given: <c>FOLDER:TARGET[:ro][:map][:cache=auto|none|always]</c>.</summary>
    /// <exception cref="HolonException">It is not that.</exception>
    public static ShareSpec Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var words = text.Split(':').ToList();
        var (readOnly, mapped, cache) = (false, false, FolderCache.Auto);
        while (words.Count > 2 && !words[^1].StartsWith('/'))
        {
            switch (words[^1])
            {
                case "ro":
                    readOnly = true;
                    break;
                case "map":
                    mapped = true;
                    break;
                case ['c', 'a', 'c', 'h', 'e', '=', .. var mode]:
                    cache = mode switch
                    {
                        "auto" => FolderCache.Auto,
                        "none" => FolderCache.None,
                        "always" => FolderCache.Always,
                        _ => throw new HolonException($"A share has no cache '{mode}'; use auto, none or always, as in --share ~/src:/src:cache=none."),
                    };
                    break;
                default:
                    throw words.Count == 3 ? NotAbsolute(words[^1], text) : new HolonException($"A share has no property '{words[^1]}'; use ro, map or cache=MODE, as in --share ~/src:/src:ro.");
            }

            words.RemoveAt(words.Count - 1);
        }

        if (words.Count < 2) throw new HolonException($"The share '{text}' does not say where the guest finds it; give a folder and an absolute path, as in --share ~/src:/src.");
        var (source, target) = (string.Join(':', words.SkipLast(1)), words[^1]);
        if (source.Length == 0) throw new HolonException($"The share '{text}' names no folder of the host; give one, as in --share ~/src:/src.");
        if (source == "~" || source.StartsWith("~/", StringComparison.Ordinal)) source = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + source[1..];
        var share = new ShareSpec { Source = Path.GetFullPath(source), Target = target.Length > 1 ? target.TrimEnd('/') : target, ReadOnly = readOnly, Mapped = mapped, Cache = cache };
        share.Validate(text);
        return share;
    }

    /// <summary>Checks what can be checked without touching the host.</summary>
    /// <exception cref="HolonException">Something cannot be.</exception>
    internal static void Validate(IReadOnlyList<ShareSpec> shares)
    {
        foreach (var share in shares) share.Validate(share.Target);
        foreach (var group in shares.GroupBy(share => share.Tag, StringComparer.Ordinal))
        {
            if (group.Count() == 1) continue;
            var (first, second) = (group.First().Target, group.Last().Target);
            throw new HolonException(first == second
                ? $"Two shares have the place {first} in the guest; give each one of its own."
                : $"The places {first} and {second} would have the same tag in the guest; name one of them differently.");
        }
    }

    internal SharedFolderOptions ToOptions() => new(Source, ReadOnly, Mapped ? true : null, Cache: Cache);

    private static HolonException NotAbsolute(string target, string text) =>
        new($"The place '{target}' of the share '{text}' is not an absolute path in the guest; begin it with '/', as in --share ~/src:/src.");

    private void Validate(string text)
    {
        if (string.IsNullOrEmpty(Source)) throw new HolonException($"The share '{text}' names no folder of the host; give one, as in --share ~/src:/src.");
        if (Target is not ['/', ..]) throw NotAbsolute(Target ?? "", text);
        if (Target.Length > LongestTarget || Target.Any(char.IsControl) || Target.Split('/').Skip(1).Any(name => name is "" or "." or ".."))
            throw new HolonException($"A share cannot have the place '{Target}' in the guest; give a plain absolute path such as /src.");
    }

    /// <summary>The path with '-' between its names. What does not fit, or has other characters, gets a number made of the path.</summary>
    private static string TagOf(string target)
    {
        var tag = new StringBuilder();
        var plain = true;
        foreach (var character in target.TrimStart('/'))
        {
            var kept = char.IsAsciiLetterOrDigit(character) || character is '.' or '_' or '-';
            plain &= kept || character == '/';
            tag.Append(kept ? character : character == '/' ? '-' : '_');
        }

        if (plain && tag.Length <= VirtioFileSystem.TagLength) return tag.ToString();
        var hash = 2166136261u; // FNV-1a
        foreach (var character in target) hash = (hash ^ character) * 16777619;
        return $"{tag.ToString(0, Math.Min(tag.Length, VirtioFileSystem.TagLength - HashLength))}-{hash:x8}";
    }
}
