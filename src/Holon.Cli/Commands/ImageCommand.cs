using System.CommandLine;
using System.Globalization;
using Holon.Cli.Terminal;
using Holon.SystemMachine.Images;
using Spectre.Console;

namespace Holon.Cli.Commands;

/// <summary><c>holon image</c>: what machines start from.</summary>
internal sealed class ImageCommand : Command
{
    /// <summary>The command.</summary>
    public ImageCommand()
        : base("image", "List, build and remove images.")
    {
        var list = new Command("ls", "List the images that are here, and those that can be made.");
        list.SetAction(_ => List(ImageStore.ForUser()));
        Add(list);

        var name = new Argument<string>("NAME") { Description = "The image's name." };
        var build = new Command("build", "Make an image anew, from today's packages.") { name };
        build.SetAction(async (parsed, cancellationToken) =>
        {
            using var progress = new ProgressLine();
            await ImageStore.ForUser().BuildAsync(parsed.GetRequiredValue(name), progress, cancellationToken).ConfigureAwait(false);
        });
        Add(build);

        var remove = new Command("rm", "Remove an image.") { name };
        remove.SetAction((parsed, cancellationToken) => ImageStore.ForUser().RemoveAsync(parsed.GetRequiredValue(name), cancellationToken));
        Add(remove);
    }

    private static void List(ImageStore store)
    {
        var stored = store.List().ToDictionary(image => image.Manifest.Name);
        var table = new Table().Border(TableBorder.None).AddColumns("NAME", "SIZE", "MADE", "FROM", "DESCRIPTION");
        foreach (var recipe in ImageRecipe.All)
        {
            var image = stored.GetValueOrDefault(recipe.Name);
            table.AddRow(
                recipe.Name,
                image is null ? "-" : string.Create(CultureInfo.InvariantCulture, $"{image.Size / 1e6:0.0} MB"),
                image is null ? "on first use" : image.Manifest.Created.ToLocalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture),
                image is null ? recipe.KernelPackage : string.Join(", ", image.Manifest.Packages.Select(package => $"{package.Name} {package.Version}")),
                recipe.Description);
        }

        Tables.Write(table);
    }
}
