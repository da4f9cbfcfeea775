namespace Holon.Jvm.Tests;

/// <summary>Debian's packages that long tests need: installed when they are missing, and the test is skipped where that cannot be done.</summary>
internal static class Packages
{
    private static readonly Lock Once = new();
    private static readonly HashSet<string> Tried = [];

    /// <summary>Makes sure that a package's file is there.</summary>
    public static void Require(string package, string file)
    {
        lock (Once)
        {
            if (File.Exists(file)) return;
            if (!Commands.Have("apt-get")) Assert.Skip($"{file} is not there, and there is no apt-get to install {package} with.");
            if (!Environment.IsPrivilegedProcess) Assert.Skip($"{file} is not there; install it with: sudo apt-get install -y {package}");
            var error = "";
            if (Tried.Add(package)) error = Commands.Run("apt-get", "install", "-y", "--no-install-recommends", package).Error;
            if (!File.Exists(file)) Assert.Skip($"apt-get could not install {package}: {error}");
        }
    }
}
