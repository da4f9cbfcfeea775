namespace Holon.Networking.Nat;

/// <summary>Something that wants to be called at a time. Times are nanoseconds of a monotonic clock.</summary>
internal abstract class LoopTimer
{
    internal int HeapIndex = -1;
    internal long HeapTime;

    /// <summary>When it is to fire; <see cref="long.MaxValue"/> for never.</summary>
    public long Due { get; internal set; } = long.MaxValue;

    /// <summary>Called by the queue when it is due; not due any more then.</summary>
    public abstract void Fire(long now);
}

/// <summary>
/// Timers in a binary heap. A timer that is put off stays where it is and moves when its old time comes: acknowledgments put
/// off a retransmission thousands of times a second.
/// </summary>
internal sealed class TimerQueue
{
    private LoopTimer[] _heap = new LoopTimer[64];
    private int _count;

    /// <summary>When <see cref="FireDue"/> has something to do.</summary>
    public long Next => _count == 0 ? long.MaxValue : _heap[0].HeapTime;

    public void Set(LoopTimer timer, long due)
    {
        timer.Due = due;
        if (due == long.MaxValue || (timer.HeapIndex >= 0 && timer.HeapTime <= due)) return;
        timer.HeapTime = due;
        if (timer.HeapIndex < 0)
        {
            if (_count == _heap.Length) Array.Resize(ref _heap, _count * 2);
            _heap[_count] = timer;
            timer.HeapIndex = _count++;
        }

        Up(timer.HeapIndex);
    }

    /// <summary>Takes a timer out for good.</summary>
    public void Remove(LoopTimer timer)
    {
        timer.Due = long.MaxValue;
        if (timer.HeapIndex >= 0) RemoveAt(timer.HeapIndex);
    }

    public void FireDue(long now)
    {
        while (_count > 0 && _heap[0].HeapTime <= now)
        {
            var timer = _heap[0];
            RemoveAt(0);
            if (timer.Due > now)
            {
                Set(timer, timer.Due);
                continue;
            }

            timer.Due = long.MaxValue;
            timer.Fire(now);
        }
    }

    private void RemoveAt(int index)
    {
        _heap[index].HeapIndex = -1;
        var last = _heap[--_count];
        _heap[_count] = null!;
        if (index == _count) return;
        _heap[index] = last;
        last.HeapIndex = index;
        Up(index);
        Down(last.HeapIndex);
    }

    private void Up(int index)
    {
        var timer = _heap[index];
        while (index > 0)
        {
            var parent = (index - 1) / 2;
            if (_heap[parent].HeapTime <= timer.HeapTime) break;
            Place(_heap[parent], index);
            index = parent;
        }

        Place(timer, index);
    }

    private void Down(int index)
    {
        var timer = _heap[index];
        while (true)
        {
            var child = (index * 2) + 1;
            if (child >= _count) break;
            if (child + 1 < _count && _heap[child + 1].HeapTime < _heap[child].HeapTime) child++;
            if (timer.HeapTime <= _heap[child].HeapTime) break;
            Place(_heap[child], index);
            index = child;
        }

        Place(timer, index);
    }

    private void Place(LoopTimer timer, int index)
    {
        _heap[index] = timer;
        timer.HeapIndex = index;
    }
}
