using Holon.Machines;
using Holon.SystemMachine.Images;

namespace Holon.SystemMachine.Tests.Images;

public sealed class ImageStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("holon-images-").FullName;
    private readonly Progress<ImageProgress> _progress = new();

    /// <summary>What a busybox image of today says of itself.</summary>
    private static int Revision => ImageRecipe.Find("busybox").Revision;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task An_unknown_image_is_refused_with_the_known_ones()
    {
        var error = await Assert.ThrowsAsync<HolonException>(() => new ImageStore(_folder).GetAsync("ubuntu", _progress, TestContext.Current.CancellationToken));
        Assert.Equal("There is no image 'ubuntu'; known images are busybox, busybox-full and debian.", error.Message);
    }

    [Fact]
    public async Task A_whole_image_is_found_without_building()
    {
        Put("busybox", $$"""{"format":1,"revision":{{Revision}},"name":"busybox","created":"2026-01-02T03:04:05+00:00","packages":[{"name":"linux","version":"6.1"}]}""");
        var image = await new ImageStore(_folder).GetAsync("busybox", _progress, TestContext.Current.CancellationToken);
        Assert.Equal("6.1", Assert.Single(image.Manifest.Packages).Version);
        Assert.Equal(3, image.Size);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"format":99,"name":"busybox","created":"2026-01-02T03:04:05+00:00","packages":[]}""")]
    [InlineData("""{"format":1,"name":"other","created":"2026-01-02T03:04:05+00:00","packages":[]}""")]
    public void What_is_not_whole_is_no_image(string manifest)
    {
        Put("busybox", manifest);
        Assert.Empty(new ImageStore(_folder).List());
    }

    [Fact]
    public async Task Removing_takes_it_away()
    {
        Put("busybox", $$"""{"format":1,"revision":{{Revision}},"name":"busybox","created":"2026-01-02T03:04:05+00:00","packages":[]}""");
        var store = new ImageStore(_folder);
        await store.RemoveAsync("busybox", TestContext.Current.CancellationToken);
        Assert.Empty(store.List());
        Assert.Empty(Directory.EnumerateDirectories(_folder));
    }

    [Theory]
    [InlineData("busybox")]
    [InlineData("..")]
    [InlineData("../../etc")]
    public async Task Only_images_can_be_removed(string name) =>
        await Assert.ThrowsAsync<HolonException>(() => new ImageStore(_folder).RemoveAsync(name, TestContext.Current.CancellationToken));

    private void Put(string name, string manifest)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        File.WriteAllText(Path.Combine(folder, "kernel"), "k");
        File.WriteAllText(Path.Combine(folder, "initrd"), "i");
        File.WriteAllText(Path.Combine(folder, "modules"), "m");
        File.WriteAllText(Path.Combine(folder, "image.json"), manifest);
    }
}
