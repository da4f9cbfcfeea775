namespace Holon.Storage;

/// <summary>Requests in the order in which they came, chained through themselves. Not thread-safe.</summary>
internal struct BlockRequestQueue
{
    private BlockRequest? _head, _tail;

    /// <summary>The one whose turn it is; null when there is none.</summary>
    public readonly BlockRequest? First => _head;

    /// <summary>Adds one at the end. It must not be in any queue.</summary>
    public void Add(BlockRequest request)
    {
        request.Next = null;
        if (_tail is null) _head = request;
        else _tail.Next = request;
        _tail = request;
    }

    /// <summary>Takes the first one; null when there is none.</summary>
    public BlockRequest? Take()
    {
        if (_head is not { } request) return null;
        _head = request.Next;
        if (_head is null) _tail = null;
        request.Next = null;
        return request;
    }
}
