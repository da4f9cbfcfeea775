using Holon.Machines;

namespace Holon.SystemMachine.Images;

/// <summary>Where machines keep what is theirs from one run to the next.</summary>
public static class MachineFolder
{
    /// <summary>The user's own folder, in the XDG data folder.</summary>
    /// <exception cref="HolonException">The user has no home.</exception>
    public static string ForUser()
    {
        // The XDG base directory specification has relative paths ignored.
        if (Environment.GetEnvironmentVariable("XDG_DATA_HOME") is { } data && Path.IsPathRooted(data)) return Path.Combine(data, "holon", "machines");
        return Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } home
            ? Path.Combine(home, ".local", "share", "holon", "machines")
            : throw new HolonException("There is no folder to keep machines in, because neither HOME nor XDG_DATA_HOME is set; set one.");
    }
}
