using System.Runtime.InteropServices;

namespace Holon.Devices.Fuse;

/// <summary>What a request asks for. Source of all in this file: Linux, include/uapi/linux/fuse.h, version 7.38.</summary>
internal enum FuseOperation : uint
{
    Lookup = 1,
    Forget = 2,
    GetAttributes = 3,
    SetAttributes = 4,
    ReadLink = 5,
    SymbolicLink = 6,
    MakeNode = 8,
    MakeFolder = 9,
    Unlink = 10,
    RemoveFolder = 11,
    Rename = 12,
    Link = 13,
    Open = 14,
    Read = 15,
    Write = 16,
    StatFileSystem = 17,
    Release = 18,
    Sync = 20,
    SetExtended = 21,
    GetExtended = 22,
    ListExtended = 23,
    RemoveExtended = 24,
    Flush = 25,
    Initialize = 26,
    OpenFolder = 27,
    ReadFolder = 28,
    ReleaseFolder = 29,
    SyncFolder = 30,
    Access = 34,
    Create = 35,
    Interrupt = 36,
    Destroy = 38,
    BatchForget = 42,
    Allocate = 43,
    ReadFolderPlus = 44,
    Rename2 = 45,
    Seek = 46,
    CopyRange = 47,
    SyncFileSystem = 50,
}

/// <summary>What both sides can do (INIT).</summary>
[Flags]
internal enum FuseFeatures : uint
{
    AsyncRead = 1 << 0,
    AtomicTruncate = 1 << 3,
    BigWrites = 1 << 5,
    AutoInvalidate = 1 << 12,
    ReadFolderPlus = 1 << 13,
    AdaptiveReadFolderPlus = 1 << 14,
    AsyncDirect = 1 << 15,
    ParallelFolders = 1 << 18,
    MaxPages = 1 << 22,
    CacheLinks = 1 << 23,
    SubMounts = 1 << 27,
    KillPrivileges = 1 << 28,
}

/// <summary>Which fields a SETATTR sets.</summary>
[Flags]
internal enum SetAttributeFields : uint
{
    Mode = 1 << 0,
    User = 1 << 1,
    Group = 1 << 2,
    Size = 1 << 3,
    Accessed = 1 << 4,
    Modified = 1 << 5,
    Handle = 1 << 6,
    AccessedNow = 1 << 7,
    ModifiedNow = 1 << 8,
    KillPrivileges = 1 << 11,
}

/// <summary>Errors as guests know them; x86-64 and Arm Linux hosts have the same numbers.</summary>
internal static class FuseError
{
    public const int NotPermitted = -1, NoEntry = -2, InputOutput = -5, NoDevice = -6, BadHandle = -9, TryAgain = -11, NoMemory = -12, AccessDenied = -13, Exists = -17, CrossDevice = -18, NotFolder = -20,
        IsFolder = -21, Invalid = -22, TooManyFiles = -23, NoTty = -25, ReadOnly = -30, TooManyLinks = -31, Range = -34, NameTooLong = -36, NotImplemented = -38, TooManyLevels = -40, NoData = -61, NotSupported = -95, Stale = -116;
}

/// <summary>Numbers of the protocol that are more than one message's.</summary>
internal static class FuseLimits
{
    public const uint Major = 7, Minor = 38, LeastMinor = 31;

    /// <summary>What a request and an answer begin with.</summary>
    public const int RequestHeader = 40, AnswerHeader = 16;

    /// <summary>Bytes that one READ or WRITE may move: 256 pages, the most a Linux 6.1 guest asks for.</summary>
    public const int MostData = 1 << 20, MostPages = MostData / 4096;

    /// <summary>The longest name, extended attribute and symbolic link (limits.h, xattr.h).</summary>
    public const int NameLength = 255, ExtendedValue = 65536, PathLength = 4096;

    /// <summary>The longest message besides WRITE: an extended attribute with its name.</summary>
    public const int MostRequest = RequestHeader + 16 + 256 + ExtendedValue;

    public const ulong RootNode = 1;

    public const uint WriteFromCache = 1, WriteKillPrivileges = 4, OpenKillPrivileges = 1, DirectIo = 1, KeepCache = 2, CacheFolder = 8, ParallelDirectWrites = 64, GetAttributesByHandle = 1, SubMount = 1;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseHeader
{
    public uint Length;
    public FuseOperation Operation;
    public ulong Unique, Node;
    public uint User, Group, Process, Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseAttributes
{
    public ulong Inode, Size, Blocks, Accessed, Modified, Changed;
    public uint AccessedNanoseconds, ModifiedNanoseconds, ChangedNanoseconds, Mode, Links, User, Group, Device, BlockSize, Flags;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseEntry
{
    public ulong Node, Generation, EntryValid, AttributesValid;
    public uint EntryValidNanoseconds, AttributesValidNanoseconds;
    public FuseAttributes Attributes;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseAttributesAnswer
{
    public ulong Valid;
    public uint ValidNanoseconds, Padding;
    public FuseAttributes Attributes;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseInitialize
{
    public uint Major, Minor, ReadAhead, Features;
}

[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct FuseInitializeAnswer
{
    public uint Major, Minor, ReadAhead, Features;
    public ushort MostBackground, CongestionThreshold;
    public uint MostWrite, TimeGranularity;
    public ushort MostPages, MapAlignment;
    public uint Features2;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseSetAttributes
{
    public SetAttributeFields Valid;
    public uint Padding;
    public ulong Handle, Size, LockOwner;
    public long Accessed, Modified, Changed;
    public uint AccessedNanoseconds, ModifiedNanoseconds, ChangedNanoseconds, Mode, Unused4, User, Group, Unused5;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseOpen
{
    public uint Flags, OpenFlags;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseCreate
{
    public uint Flags, Mode, Mask, OpenFlags;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseOpenAnswer
{
    public ulong Handle;
    public uint Flags, Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseTransfer
{
    public ulong Handle, Offset;
    public uint Size, ReadOrWriteFlags;
    public ulong LockOwner;
    public uint Flags, Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseMakeNode
{
    public uint Mode, Device, Mask, Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseRename
{
    public ulong Folder;
    public uint Flags, Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseSync
{
    public ulong Handle;
    public uint Flags, Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseAllocate
{
    public ulong Handle;
    public long Offset, Length;
    public uint Mode, Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseSeek
{
    public ulong Handle;
    public long Offset;
    public uint Whence, Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseCopyRange
{
    public ulong Handle;
    public long Offset;
    public ulong NewNode, NewHandle;
    public long NewOffset;
    public ulong Length, Flags;
}

[StructLayout(LayoutKind.Sequential)]
internal struct FuseForget
{
    public ulong Node, Count;
}
