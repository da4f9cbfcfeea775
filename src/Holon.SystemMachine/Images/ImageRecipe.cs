using Holon.Machines;

namespace Holon.SystemMachine.Images;

/// <summary>How an image is made.</summary>
/// <param name="Name">The image's name.</param>
/// <param name="Description">One line for people.</param>
/// <param name="KernelPackage">Debian's package that always depends on the newest kernel of a flavour.</param>
public abstract record ImageRecipe(string Name, string Description, string KernelPackage)
{
    /// <summary>The images that Holon can make.</summary>
    public static IReadOnlyList<ImageRecipe> All { get; } = [.. BusyboxImage.Flavours, new DebianImage()];

    /// <summary>True for an image that is a disk, besides a kernel to boot it with.</summary>
    public virtual bool HasDisk => false;

    /// <summary>Counts up when the recipe changes so that images made before will not do.</summary>
    public virtual int Revision => 0;

    /// <summary>Finds one by its name.</summary>
    /// <exception cref="HolonException">There is none.</exception>
    public static ImageRecipe Find(string name) =>
        All.FirstOrDefault(recipe => recipe.Name == name)
        ?? throw new HolonException($"There is no image '{name}'; known images are {string.Join(", ", All.Select(recipe => recipe.Name).SkipLast(1))} and {All[^1].Name}.");

    /// <summary>Makes the image's files in an empty folder.</summary>
    /// <returns>The packages it was made from.</returns>
    /// <exception cref="HolonException">It cannot be made.</exception>
    internal abstract Task<IReadOnlyList<SourcePackage>> BuildAsync(string folder, IProgress<ImageProgress> progress, CancellationToken cancellationToken);
}
