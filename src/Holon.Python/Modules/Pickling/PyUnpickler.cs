namespace Holon.Python.Modules.Pickling;

/// <summary>
/// The pickle machine. A pickle is a hostile program: its lengths are checked before anything is made of them, its stack cannot run
/// dry, and its numbers for the memo cost nothing. What functions it calls is up to <c>find_class</c>, as on CPython.
/// </summary>
internal sealed partial class PyUnpickler(PyType type) : PyExtensible(type)
{
    private PyObject[] stack = new PyObject[16];
    private int top;
    private int[] marks = new int[8];
    private int markCount;
    private int fence;
    private int protocol;
    private bool fixesImports;
    private string encoding = "ASCII", errors = "strict";
    private PyObject? buffers;

    public PickleInput Input { get; } = new();

    public UnpicklerMemo Memo { get; set; } = new();

    public PyObject? PersistentLoad { get; set; }

    private PickleState State { get; } = PickleState.Current;

    public void Open(PyObject fixImports, PyObject textEncoding, PyObject errorHandler, PyObject? outOfBand)
    {
        fixesImports = Ops.IsTrue(fixImports);
        encoding = (textEncoding as PyStr ?? throw Err.Type($"Unpickler() argument 'encoding' must be str, not {Args.TypeName(textEncoding)}")).Value;
        errors = (errorHandler as PyStr ?? throw Err.Type($"Unpickler() argument 'errors' must be str, not {Args.TypeName(errorHandler)}")).Value;
        buffers = outOfBand is null || outOfBand == Values.None ? null : Ops.Iter(outOfBand);
    }

    // ---- Stack ----

    private void Push(PyObject value)
    {
        if (top == stack.Length)
        {
            PyThread.Current.Machine.Limits.CheckSize(stack.Length * 16L);
            Array.Resize(ref stack, stack.Length * 2);
        }
        stack[top++] = value;
    }

    private PyError Underflow() => State.Unpickling(markCount > 0 ? "unexpected MARK found" : "unpickling stack underflow");

    private PyObject Pop()
    {
        if (top <= fence)
            throw Underflow();
        var value = stack[--top];
        stack[top] = null!;
        return value;
    }

    private PyObject Top => top <= fence ? throw Underflow() : stack[top - 1];

    private void Cut(int to)
    {
        stack.AsSpan(to, top - to).Clear();
        top = to;
    }

    private void PushMark()
    {
        if (markCount == marks.Length)
            Array.Resize(ref marks, markCount * 2);
        marks[markCount++] = fence = top;
    }

    private int PopMark()
    {
        if (markCount == 0)
            throw State.Unpickling("could not find MARK");
        var mark = marks[--markCount];
        fence = markCount > 0 ? marks[markCount - 1] : 0;
        return mark;
    }

    private PyObject[] PopFrom(int start)
    {
        if (start > top || start < fence)
            throw Underflow();
        var items = stack.AsSpan(start, top - start).ToArray();
        Cut(start);
        return items;
    }

    private void PushTuple(int count)
    {
        if (top - count < fence)
            throw Underflow();
        Push(new PyTuple(PopFrom(top - count)));
    }

    // ---- The machine ----

    public PyObject Load()
    {
        State.Load();
        (markCount, fence, protocol) = (0, 0, 0);
        Cut(0);
        var limits = PyThread.Current.Machine.Limits;
        var steps = 0;
        byte op;
        while ((op = Input.Op()) != PickleOp.Stop)
        {
            if ((++steps & 1023) == 0)
                limits.ChargeInstructions(1024);
            Execute(op);
        }
        var result = Pop();
        Input.SkipConsumed();
        return result;
    }

    private void Execute(byte op)
    {
        switch (op)
        {
            case PickleOp.None:
                Push(Values.None);
                break;
            case PickleOp.BinInt:
                Push(PyInt.Of(Input.Int32()));
                break;
            case PickleOp.BinInt1:
                Push(PyInt.Of(Input.Byte()));
                break;
            case PickleOp.BinInt2:
                Push(PyInt.Of(Input.UInt16()));
                break;
            case PickleOp.Int:
                LoadInt();
                break;
            case PickleOp.Long:
                LoadLong();
                break;
            case PickleOp.Long1:
                LoadBinaryLong(Input.Byte());
                break;
            case PickleOp.Long4:
                LoadBinaryLong(Input.Int32());
                break;
            case PickleOp.Float:
                var text = System.Text.Encoding.Latin1.GetString(Input.Line());
                Push(new PyFloat(FloatText.Parse(text) ?? throw Err.Value("could not convert string to float")));
                break;
            case PickleOp.BinFloat:
                Push(new PyFloat(Input.Double()));
                break;
            case PickleOp.ShortBinBytes:
                LoadBytes(Input.Byte());
                break;
            case PickleOp.BinBytes:
                LoadBytes((uint)Input.Int32());
                break;
            case PickleOp.BinBytes8:
                LoadBytes(Size(Input.UInt64(), "BINBYTES8"));
                break;
            case PickleOp.ByteArray8:
                LoadByteArray(Size(Input.UInt64(), "BYTEARRAY8"));
                break;
            case PickleOp.NextBuffer:
                LoadBuffer();
                break;
            case PickleOp.ReadOnlyBuffer:
                LoadReadOnlyBuffer();
                break;
            case PickleOp.ShortBinString:
                LoadBinaryString(Input.Byte());
                break;
            case PickleOp.BinString:
                LoadBinaryString(Input.Int32());
                break;
            case PickleOp.String:
                LoadString();
                break;
            case PickleOp.Unicode:
                Push(((PyTuple)Calls.CallMethod(PyThread.Current.Machine.ImportModule("_codecs"), "raw_unicode_escape_decode", new PyBytes(Input.Line().ToArray())))[0]);
                break;
            case PickleOp.ShortBinUnicode:
                LoadUnicode(Input.Byte());
                break;
            case PickleOp.BinUnicode:
                LoadUnicode((uint)Input.Int32());
                break;
            case PickleOp.BinUnicode8:
                LoadUnicode(Size(Input.UInt64(), "BINUNICODE8"));
                break;
            case PickleOp.EmptyTuple:
                Push(PyTuple.Empty);
                break;
            case PickleOp.Tuple1 or PickleOp.Tuple2 or PickleOp.Tuple3:
                PushTuple(op - PickleOp.Tuple1 + 1);
                break;
            case PickleOp.Tuple:
                Push(new PyTuple(PopFrom(PopMark())));
                break;
            case PickleOp.EmptyList:
                Push(new PyList());
                break;
            case PickleOp.List:
                Push(new PyList(PopFrom(PopMark())));
                break;
            case PickleOp.EmptyDict:
                Push(new PyDict());
                break;
            case PickleOp.Dict:
                LoadDict();
                break;
            case PickleOp.EmptySet:
                Push(new PySet(false));
                break;
            case PickleOp.FrozenSet:
                Push(new PySet(PopFrom(PopMark()), true));
                break;
            case PickleOp.AddItems:
                LoadAddItems();
                break;
            case PickleOp.Append:
                if (top - 1 <= fence)
                    throw Underflow();
                Append(top - 1);
                break;
            case PickleOp.Appends:
                Append(PopMark());
                break;
            case PickleOp.SetItem:
                SetItems(top - 2);
                break;
            case PickleOp.SetItems:
                SetItems(PopMark());
                break;
            case PickleOp.Mark:
                PushMark();
                break;
            case PickleOp.Pop:
                if (markCount > 0 && marks[markCount - 1] == top)
                    PopMark();
                else
                    Pop();
                break;
            case PickleOp.PopMark:
                Cut(PopMark());
                break;
            case PickleOp.Dup:
                Push(Top);
                break;
            case PickleOp.Get:
                LoadGet(LineNumber());
                break;
            case PickleOp.BinGet:
                LoadGet(Input.Byte());
                break;
            case PickleOp.LongBinGet:
                LoadGet((uint)Input.Int32());
                break;
            case PickleOp.Put:
                var index = LineNumber();
                Memo.Set(index >= 0 ? index : throw Err.Value("negative PUT argument"), Top);
                break;
            case PickleOp.BinPut:
                Memo.Set(Input.Byte(), Top);
                break;
            case PickleOp.LongBinPut:
                Memo.Set((uint)Input.Int32(), Top);
                break;
            case PickleOp.Memoize:
                Memo.Set(Memo.Count, Top);
                break;
            case PickleOp.NewTrue:
                Push(Values.True);
                break;
            case PickleOp.NewFalse:
                Push(Values.False);
                break;
            case PickleOp.Frame:
                Input.Frame(Input.UInt64());
                break;
            case PickleOp.Proto:
                protocol = Input.Byte();
                if (protocol > PickleOp.HighestProtocol)
                    throw Err.Value($"unsupported pickle protocol: {protocol}");
                break;
            default:
                ExecuteOnObjects(op);
                break;
        }
    }

    private static long Size(ulong size, string op) =>
        size <= long.MaxValue ? (long)size : throw Err.Overflow($"{op} exceeds system's maximum size of {long.MaxValue} bytes");

    // ---- Values ----

    private long LineNumber()
    {
        var text = System.Text.Encoding.Latin1.GetString(Input.Line());
        var number = IntText.Parse(text, 10) ?? throw Err.Value($"invalid literal for int() with base 10: {Ops.Repr(new PyStr(text))}");
        return number.TryLong(out var value) ? value : throw Err.Overflow("Python int too large to convert to C ssize_t");
    }

    private void LoadInt()
    {
        var text = System.Text.Encoding.Latin1.GetString(Input.Line());
        if (text.Length == 0)
            throw State.Unpickling("pickle data was truncated");
        if (text is "00" or "01")
        {
            Push(Values.Bool(text == "01"));
            return;
        }
        // Old pickles may have zeros in front, which C's base 0 takes for octal.
        Push(IntText.Parse(text, 0) ?? IntText.Parse(text, 8) ?? throw Err.Value("could not convert string to int"));
    }

    private void LoadLong()
    {
        var text = System.Text.Encoding.Latin1.GetString(Input.Line());
        if (text.Length == 0)
            throw State.Unpickling("pickle data was truncated");
        if (text.EndsWith('L'))
            text = text[..^1];
        Push(IntText.Parse(text, 0) ?? throw Err.Value($"invalid literal for int() with base 0: {Ops.Repr(new PyStr(text))}"));
    }

    private void LoadBinaryLong(int size)
    {
        if (size < 0)
            throw State.Unpickling("LONG pickle has negative byte count");
        Push(PyInt.Of(new BigInteger(Input.Read(size))));
    }

    private void LoadBytes(long size) => Push(size == 0 ? PyBytes.Empty : new PyBytes(Input.Read(size).ToArray()));

    private void LoadByteArray(long size)
    {
        var array = new PyByteArray();
        array.SetAll(Input.Read(size));
        Push(array);
    }

    private void LoadUnicode(long size) => Push(Codecs.DecodeUtf8(Input.Read(size), "surrogatepass"));

    private void LoadBinaryString(int size)
    {
        if (size < 0)
            throw State.Unpickling("BINSTRING pickle has negative byte count");
        PushString(new PyBytes(Input.Read(size).ToArray()));
    }

    private void LoadString()
    {
        var line = Input.Line();
        if (line.Length < 2 || line[0] != line[^1] || line[0] is not ((byte)'\'' or (byte)'"'))
            throw State.Unpickling("the STRING opcode argument must be quoted");
        PushString((PyBytes)((PyTuple)Calls.CallMethod(PyThread.Current.Machine.ImportModule("_codecs"), "escape_decode", new PyBytes(line[1..^1].ToArray())))[0]);
    }

    // Text of Python 2, which did not say what it was in.
    private void PushString(PyBytes bytes) => Push(encoding == "bytes" ? bytes : Codecs.Decode(bytes, encoding, errors));

    private void LoadBuffer()
    {
        if (buffers is null)
            throw State.Unpickling("pickle stream refers to out-of-band data but no *buffers* argument was given");
        Push(Ops.Next(buffers) ?? throw State.Unpickling("not enough out-of-band buffers"));
    }

    private void LoadReadOnlyBuffer()
    {
        var view = MemoryViewType.Of(Top);
        if (!view.IsReadOnly)
            stack[top - 1] = Calls.CallMethod(view, "toreadonly");
    }
}
