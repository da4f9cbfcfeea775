using System.Collections.Concurrent;
using System.IO.MemoryMappedFiles;
using System.Text;
using Holon.Jvm.ClassFile;
using Holon.Machines;

namespace Holon.Jvm.Runtime;

/// <summary>
/// Reads the runtime image <c>lib/modules</c> of a JDK, memory-mapped. The image is a perfect hash table of paths such as
/// <c>/java.base/java/lang/Object.class</c>: header, redirect table, offsets, location attributes, strings, then contents.
/// All machines of a process share it; from the second one on also the class files that it has parsed.
/// </summary>
internal sealed unsafe class JImage
{
    private const uint Magic = 0xCAFEDADA;
    private const int HashMultiplier = 0x01000193, HeaderSize = 28;

    /// <summary>Attributes of a location, by number.</summary>
    private const int Module = 1, Parent = 2, Base = 3, Extension = 4, Offset = 5, Compressed = 6, Uncompressed = 7;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _data;
    private readonly long _size;
    private readonly int _tableLength, _locationsSize, _stringsSize;
    private readonly long _redirect, _offsets, _locations, _strings, _contents;

    private static readonly Dictionary<(string Path, DateTime Written), JImage> Images = [];

    private readonly ConcurrentDictionary<string, ClassFileModel> _parsed = new(StringComparer.Ordinal);
    private bool _isShared;

    /// <summary>The image at a path, which stays open for other machines.</summary>
    /// <exception cref="HolonException">It cannot be read, or is no image.</exception>
    public static JImage Open(string path)
    {
        var key = (Path.GetFullPath(path), File.GetLastWriteTimeUtc(path)); // a JDK that was replaced is another
        lock (Images)
        {
            if (Images.TryGetValue(key, out var image)) image._isShared = true;
            else Images[key] = image = new JImage(path);
            return image;
        }
    }

    /// <summary>Whether these bytes are the image's own, as <see cref="FindClass"/> gives them.</summary>
    public bool Holds(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* p = bytes) return p >= _data && p < _data + _size;
    }

    /// <summary>
    /// The class file of a name whose bytes <see cref="FindClass"/> gave. A process with one machine keeps none: the copies are worth their
    /// memory when a second machine loads the same four hundred classes.
    /// </summary>
    public ClassFileModel Parse(string internalName, ReadOnlySpan<byte> bytes)
    {
        if (!_isShared) return ClassFileParser.Parse(bytes, internalName);
        var model = _parsed.GetOrAdd(internalName, static (name, bytes) => ClassFileParser.Parse(bytes, name), bytes);
        return model with { Pool = model.Pool.Copy() };
    }

    private JImage(string path)
    {
        try
        {
            _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var message = $"{path}, the class library of a JDK 17, cannot be read; install openjdk-17-jre-headless or name a JDK's folder with --java-home.";
            throw e is FileNotFoundException or DirectoryNotFoundException ? new HolonException(message) : new HolonException(message, e);
        }
        _view = _file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _data);
        _size = new FileInfo(path).Length;
        if (_size < HeaderSize || *(uint*)_data != Magic) throw new HolonException($"{path} is not a runtime image of this processor's byte order; name a JDK 17 with --java-home.");
        _tableLength = Int(16);
        _locationsSize = Int(20);
        _stringsSize = Int(24);
        _redirect = HeaderSize;
        _offsets = _redirect + _tableLength * 4L;
        _locations = _offsets + _tableLength * 4L;
        _strings = _locations + _locationsSize;
        _contents = _strings + _stringsSize;
        if (_tableLength <= 0 || _locationsSize < 0 || _stringsSize < 0 || _contents > _size) throw new HolonException($"{path} is damaged: its tables do not fit it; reinstall the JDK.");
    }

    /// <summary>A class file of a named package's module, or an empty span.</summary>
    public ReadOnlySpan<byte> FindClass(string internalName, out string? module)
    {
        var slash = internalName.LastIndexOf('/');
        module = slash < 0 ? null : ModuleOfPackage(internalName[..slash]);
        return module == null ? default : Find($"/{module}/{internalName}.class");
    }

    private readonly Dictionary<string, string?> _modules = [];

    /// <summary>The module that holds a package (with slashes), or null.</summary>
    public string? ModuleOfPackage(string package)
    {
        lock (_modules)
        {
            if (_modules.TryGetValue(package, out var module)) return module;
            var rows = Find("/packages/" + package.Replace('/', '.'));
            for (var i = 0; i + 8 <= rows.Length; i += 8)
            {
                if (BitConverter.ToInt32(rows[i..]) == 0) module = String(BitConverter.ToInt32(rows[(i + 4)..]));
            }
            _modules[package] = module;
            return module;
        }
    }

    /// <summary>Contents of a path, or an empty span. The memory lives as long as the image is open.</summary>
    public ReadOnlySpan<byte> Find(string path)
    {
        var name = Encoding.UTF8.GetBytes(path);
        var index = Hash(name, HashMultiplier) % _tableLength;
        var redirect = Int(_redirect + index * 4L);
        if (redirect == 0) return default;
        index = redirect > 0 ? Hash(name, redirect) % _tableLength : -1 - redirect;
        if ((uint)index >= (uint)_tableLength) return default;

        var attributes = stackalloc long[8];
        new Span<long>(attributes, 8).Clear();
        var at = _locations + Int(_offsets + index * 4L);
        while (at < _strings)
        {
            var head = _data[at++];
            var kind = head >> 3;
            if (kind is 0 or > 7) break;
            long value = 0;
            for (var n = (head & 7) + 1; n > 0 && at < _strings; n--) value = value << 8 | _data[at++];
            attributes[kind] = value;
        }
        if (!Matches(name, attributes)) return default;
        var length = attributes[Uncompressed];
        var start = _contents + attributes[Offset];
        if (attributes[Compressed] != 0 || length > int.MaxValue || start + length > _size)
            throw new HolonException($"{path} in the runtime image is compressed or damaged; use a JDK whose lib/modules is as its maker built it.");
        return new ReadOnlySpan<byte>(_data + start, (int)length);
    }

    private bool Matches(ReadOnlySpan<byte> name, long* attributes)
    {
        return Part(ref name, "/"u8, attributes[Module]) && Part(ref name, "/"u8, attributes[Parent])
            && Part(ref name, attributes[Module] != 0 && StringBytes(attributes[Module]).Length > 0 || attributes[Parent] != 0 ? "/"u8 : default, attributes[Base])
            && Part(ref name, "."u8, attributes[Extension]) && name.IsEmpty;
    }

    /// <summary>Takes a separator and a string off the front; an empty string takes nothing.</summary>
    private bool Part(ref ReadOnlySpan<byte> name, ReadOnlySpan<byte> separator, long offset)
    {
        var text = StringBytes(offset);
        if (text.IsEmpty) return true;
        if (!name.StartsWith(separator) || !name[separator.Length..].StartsWith(text)) return false;
        name = name[(separator.Length + text.Length)..];
        return true;
    }

    private ReadOnlySpan<byte> StringBytes(long offset)
    {
        if ((ulong)offset >= (ulong)_stringsSize) return default;
        var rest = new ReadOnlySpan<byte>(_data + _strings + offset, (int)(_stringsSize - offset));
        return rest[..Math.Max(0, rest.IndexOf((byte)0))];
    }

    private string String(int offset) => Encoding.UTF8.GetString(StringBytes(offset));

    /// <summary>A number at an offset that the constructor or a table bounds.</summary>
    private int Int(long offset) => *(int*)(_data + offset);

    private static int Hash(ReadOnlySpan<byte> name, int seed)
    {
        foreach (var b in name) seed = seed * HashMultiplier ^ b;
        return seed & 0x7FFFFFFF;
    }
}
