namespace Holon.Networking.Rules;

/// <summary>Lets so many pass in each second, and no more.</summary>
internal sealed class FloodGate(int perSecond)
{
    private long _second;
    private int _passed;

    public bool TryPass(long now)
    {
        var second = now / 1_000_000_000;
        if (second != _second) (_second, _passed) = (second, 0);
        return _passed++ < perSecond;
    }
}
