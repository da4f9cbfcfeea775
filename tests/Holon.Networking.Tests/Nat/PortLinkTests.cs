using Holon.Networking.Host;
using Holon.Networking.Nat;

namespace Holon.Networking.Tests.Nat;

/// <summary>A port in a loop: who had no room is told when there is some.</summary>
public sealed class PortLinkTests
{
    [Fact]
    public async Task Who_was_refused_is_told_when_a_later_frame_is_taken()
    {
        using var loop = new EventLoop("test");
        var port = new FullPort();
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        loop.Start();
        var link = new PortLink(loop, port, null, null);
        var pumps = 0;
        loop.BatchEnded += () => pumps++;
        loop.Call(() =>
        {
            link.Attach(_ => { }, () => { }, told.SetResult, () => { });
            return true;
        });
        while (loop.Call(() => pumps) < 2) await Task.Yield(); // the signal of the beginning is over
        loop.Call(() =>
        {
            Assert.False(link.TryPut([1], [], default));
            port.HasRoom = true; // and says nothing of it: it takes the next frame, so nobody seems to wait
            Assert.True(link.TryPut([2], [], default));
            return true;
        });
        await told.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    private sealed class FullPort : INetworkPort
    {
        public bool HasRoom { get; set; }

        public PortFeatures Features => PortFeatures.None;

        public bool Signals { get; set; } = true;

        public bool TryTake(Frame frame) => false;

        public void Release(Frame frame)
        {
        }

        public bool TryPut(ReadOnlySpan<byte> head, ReadOnlySpan<MemorySegment> body, in FrameOffload offload) => HasRoom;

        public void Flush()
        {
        }
    }
}
