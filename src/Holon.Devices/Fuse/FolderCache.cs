using System.Text.Json.Serialization;

namespace Holon.Devices.Fuse;

/// <summary>What a guest keeps of a shared folder in its own memory, and for how long it believes that.</summary>
public enum FolderCache
{
    /// <summary>Contents for as long as neither size nor times change, names and attributes for a second.</summary>
    [JsonStringEnumMemberName("auto")]
    Auto,

    /// <summary>Nothing: every read and write is of the host's file at that moment, straight from and to the program's memory. Mapping a file shared is refused.</summary>
    [JsonStringEnumMemberName("none")]
    None,

    /// <summary>Everything, without ever asking again: for folders that only this guest changes.</summary>
    [JsonStringEnumMemberName("always")]
    Always,
}
