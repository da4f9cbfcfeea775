namespace Holon.Devices.Time;

/// <summary>
/// Timers by deadline: a binary heap in which every timer knows its place, so that setting one again moves it instead of
/// leaving a stale entry behind. A guest that sets a timer a million times holds one place.
/// </summary>
internal sealed class TimerQueue
{
    private MachineTimer[] _heap = new MachineTimer[16];

    public int Count { get; private set; }

    public MachineTimer? First => Count > 0 ? _heap[0] : null;

    /// <summary>Puts a timer where its deadline belongs, whether it was queued or not.</summary>
    public void Set(MachineTimer timer)
    {
        if (timer.QueueIndex < 0)
        {
            if (Count == _heap.Length) Array.Resize(ref _heap, Count * 2);
            Place(timer, Count++);
        }

        SiftUp(timer.QueueIndex);
        SiftDown(timer.QueueIndex);
    }

    /// <summary>Takes a timer out; nothing when it is not queued.</summary>
    public void Remove(MachineTimer timer)
    {
        var index = timer.QueueIndex;
        if (index < 0) return;
        timer.QueueIndex = -1;
        var last = _heap[--Count];
        _heap[Count] = null!; // beyond Count nothing is read; a dropped timer must be collectable
        if (last == timer) return;
        Place(last, index);
        SiftUp(index);
        SiftDown(last.QueueIndex);
    }

    private void SiftUp(int index)
    {
        var timer = _heap[index];
        while (index > 0)
        {
            var parent = (index - 1) / 2;
            if (_heap[parent].Deadline <= timer.Deadline) break;
            Place(_heap[parent], index);
            index = parent;
        }

        Place(timer, index);
    }

    private void SiftDown(int index)
    {
        var timer = _heap[index];
        while (true)
        {
            var child = (2 * index) + 1;
            if (child >= Count) break;
            if (child + 1 < Count && _heap[child + 1].Deadline < _heap[child].Deadline) child++;
            if (timer.Deadline <= _heap[child].Deadline) break;
            Place(_heap[child], index);
            index = child;
        }

        Place(timer, index);
    }

    private void Place(MachineTimer timer, int index)
    {
        _heap[index] = timer;
        timer.QueueIndex = index;
    }
}
