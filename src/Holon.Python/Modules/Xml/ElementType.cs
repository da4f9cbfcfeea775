namespace Holon.Python.Modules.Xml;

/// <summary>The methods of Element, with the messages of CPython's _elementtree.</summary>
internal static class ElementType
{
    private static PyElement E(PyObject o) => (PyElement)o;

    public static readonly PyType IteratorType = PyIterator.MakeType("_element_iterator", "_elementtree");

    private static readonly PyStr Find = Names.Intern("find"), FindText = Names.Intern("findtext"), FindAll = Names.Intern("findall"), IterFind = Names.Intern("iterfind");

    public static readonly PyType Type = new("Element", PyType.Object, Define, "xml.etree.ElementTree");

    private static PyElement Child(PyObject o, string function) =>
        o as PyElement ?? throw Err.Type($"{function}() argument must be xml.etree.ElementTree.Element, not {Args.TypeName(o)}");

    /// <summary>The attributes of <c>attrib</c>, which may be given by position or name, and those given as keywords.</summary>
    private static PyDict? Gather(string function, ReadOnlySpan<PyObject> positional, PyDict keywords)
    {
        PyDict? result = null;
        if (positional.Length > 0)
        {
            result = (positional[0] as PyDict ?? throw Err.Type($"{function} must be dict, not {Args.TypeName(positional[0])}")).Copy();
        }
        else if (keywords.Remove(new PyStr("attrib")) is { } given)
        {
            result = (given as PyDict ?? throw Err.Type($"attrib must be dict, not {Args.TypeName(given)}")).Copy();
        }
        if (keywords.Count == 0)
            return result;
        result ??= new PyDict();
        result.Update(keywords);
        return result;
    }

    /// <summary><c>SubElement(parent, tag, attrib={}, **extra)</c>.</summary>
    public static PyObject SubElement(ReadOnlySpan<PyObject> args, PyTuple? names)
    {
        var keywords = Calls.KeywordDict(args, names, out var given);
        if (given.Length is < 2 or > 3)
            throw Err.Type($"SubElement() takes {(given.Length < 2 ? "at least 2 arguments" : "at most 3 arguments")} ({given.Length} given)");
        var parent = given[0] as PyElement ?? throw Err.Type($"SubElement() argument 1 must be xml.etree.ElementTree.Element, not {Args.TypeName(given[0])}");
        var child = new PyElement(Type, given[1], Gather("SubElement() argument 3", given[2..], keywords));
        parent.Add(child);
        return child;
    }

    /// <summary>A path that is more than a tag is for ElementPath, which is Python code.</summary>
    private static bool IsPath(PyObject path, PyObject namespaces)
    {
        if (path is not PyStr text || namespaces != Values.None)
            return true;
        if (text.Length >= 3 && text[0] == '{' && (text[1] == '}' || (text[1] == '*' && text[2] == '}')))
            return true;
        var isName = true;
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '{':
                    isName = false;
                    break;
                case '}':
                    isName = true;
                    break;
                case '/' or '*' or '[' or '@' or '.' when isName:
                    return true;
            }
        }
        return false;
    }

    private static PyObject ByPath(PyStr function, params ReadOnlySpan<PyObject> args) =>
        Calls.CallMethod(ElementTreeModule.State.ElementPath, function, args);

    private static IEnumerable<PyElement> Matches(PyElement self, PyObject tag)
    {
        for (var i = 0; i < self.Count; i++)
        {
            var child = PyElement.Of(self.Children![i]);
            if (Ops.Eq(child.Tag, tag))
                yield return child;
        }
    }

    private static int Index(PyElement self, PyObject key, string message)
    {
        if (key.Type.Index is null)
            throw Err.Type("element indices must be integers");
        var index = Args.Long(key);
        if (index < 0)
            index += self.Count;
        return index >= 0 && index < self.Count ? (int)index : throw Err.Index(message);
    }

    private static void SetItem(PyObject o, PyObject key, PyObject? value)
    {
        var self = E(o);
        if (key is PySlice slice)
        {
            PyList? items = null;
            if (value is not null)
            {
                items = new PyList(value.Type.Iter is null && value.Type.GetItem is null ? throw Err.Type($"expected sequence, not \"{value.Type.FullName}\"") : Ops.ToArray(value));
                foreach (var item in items.Span)
                    PyElement.Of(item);
                var (_, _, step, count) = slice.Plain().Indices(self.Count);
                if (step != 1 && items.Count != count)
                    throw Err.Value($"attempt to assign sequence of size {items.Count} to extended slice of size {count}");
            }
            self.Children ??= new PyList();
            ListType.SetItem(self.Children, slice, items);
            return;
        }
        var index = Index(self, key, "child assignment index out of range");
        if (value is null)
            self.Children!.RemoveAt(index);
        else
            self.Children![index] = PyElement.Of(value);
    }

    private static void Attribute(PyType t, string name, Func<PyElement, PyObject> get, Action<PyElement, PyObject> set) =>
        t.Getter(name, o => get(E(o)), (o, v) => set(E(o), v ?? throw Err.Of(ExceptionTypes.AttributeError, "can't delete element attribute")));

    private static void Define(PyType t)
    {
        t.HasWeakRefs = true;
        t.New = (type, _, _) => new PyElement(type, Values.None, null);
        t.Init = (o, args, names) =>
        {
            var keywords = Calls.KeywordDict(args, names, out var given);
            var tag = given.Length > 0 ? given[0] : keywords.Remove(new PyStr("tag")) ?? throw Err.Type("Element() takes at least 1 argument (0 given)");
            if (given.Length > 2)
                throw Err.Type($"Element() takes at most 2 arguments ({given.Length} given)");
            var attributes = Gather("Element() argument 2", given.Length > 1 ? given[1..] : [], keywords);
            E(o).Clear();
            E(o).Tag = tag;
            if (attributes is not null)
                E(o).Attributes = attributes;
        };
        t.Repr = o => ReprGuard.Run(o, null, () => PyStr.FromUtf16($"<Element {Ops.Repr(E(o).Tag)} at {Ops.Address(o)}>"));
        t.IsSequence = true;
        t.Len = o => E(o).Count;
        t.GetItem = (o, key) =>
        {
            // The key is asked first: it may change what there is.
            if (key is PySlice slice)
            {
                slice = slice.Plain();
                return ListType.Type.GetItem!(E(o).Children ?? new PyList(), slice);
            }
            var index = Index(E(o), key, "child index out of range");
            return E(o).Children![index];
        };
        t.SetItem = SetItem;
        Attribute(t, "tag", e => e.Tag, (e, v) => e.Tag = v);
        Attribute(t, "text", e => e.Text, (e, v) => e.Text = v);
        Attribute(t, "tail", e => e.Tail, (e, v) => e.Tail = v);
        Attribute(t, "attrib", e => e.Attributes, (e, v) => e.Attributes = v as PyDict ?? throw Err.Type($"attrib must be dict, not {v.Type.FullName}"));
        DefineAttributes(t);
        DefineChildren(t);
        DefineSearch(t);
        DefineCopies(t);
    }

    private static void DefineAttributes(PyType t)
    {
        t.Def0("clear", o =>
        {
            E(o).Clear();
            return Values.None;
        });
        t.Def("get", "key, default=None", (o, a) => E(o).HasAttributes ? E(o).Attributes.Get(a[0]!) ?? a[1] : a[1]);
        t.Def("set", "key, value, /", (o, a) =>
        {
            E(o).Attributes.Set(a[0]!, a[1]!);
            return Values.None;
        });
        t.Def0("keys", o => new PyList(E(o).HasAttributes ? E(o).Attributes.Items().Select(i => i.Key) : []));
        t.Def0("items", o => new PyList(E(o).HasAttributes ? E(o).Attributes.Items().Select(i => (PyObject)new PyTuple(i.Key, i.Value)) : []));
    }

    private static void DefineChildren(PyType t)
    {
        t.Def1("append", (o, child) =>
        {
            E(o).Add(Child(child, "append"));
            return Values.None;
        });
        t.Def1("extend", (o, children) =>
        {
            if (children.Type.Iter is null && children.Type.GetItem is null)
                throw Err.Type($"expected sequence, not \"{children.Type.FullName}\"");
            foreach (var child in Ops.ToArray(children))
                E(o).Add(PyElement.Of(child));
            return Values.None;
        });
        t.Def("insert", "index, subelement, /", (o, a) =>
        {
            var index = Args.Long(a[0]!);
            var child = a[1] as PyElement ?? throw Err.Type($"insert() argument 2 must be xml.etree.ElementTree.Element, not {Args.TypeName(a[1])}");
            E(o).Children ??= new PyList();
            E(o).Children!.Insert((int)Math.Clamp(index < 0 ? index + E(o).Count : index, 0, E(o).Count), child);
            return Values.None;
        });
        t.Def1("remove", (o, given) =>
        {
            var self = E(o);
            var child = Child(given, "remove");
            var at = -1;
            for (var i = 0; i < self.Count && at < 0; i++)
                at = ReferenceEquals(self.Children![i], child) ? i : -1;
            // Its comparison may change what there is.
            for (var i = 0; i < self.Count && at < 0; i++)
                at = Ops.Eq(self.Children![i], child) ? i : -1;
            if (at < 0 || at >= self.Count)
                throw Err.Value("list.remove(x): x not in list");
            self.Children!.RemoveAt(at);
            return Values.None;
        });
        t.Def("makeelement", "tag, attrib, /", (o, a) => new PyElement(Type, a[0]!, (a[1] as PyDict ?? throw Err.Type($"makeelement() argument 2 must be dict, not {Args.TypeName(a[1])}")).Copy()));
    }

    private static void DefineSearch(PyType t)
    {
        t.Def("find", "path, namespaces=None", (o, a) => IsPath(a[0]!, a[1]!) ? ByPath(Find, o, a[0]!, a[1]!) : Matches(E(o), a[0]!).FirstOrDefault() ?? Values.None);
        t.Def("findtext", "path, default=None, namespaces=None", (o, a) =>
        {
            if (IsPath(a[0]!, a[2]!))
                return ByPath(FindText, o, a[0]!, a[1]!, a[2]!);
            return Matches(E(o), a[0]!).FirstOrDefault() is { } found ? found.Text == Values.None ? PyStr.Empty : found.Text : a[1];
        });
        t.Def("findall", "path, namespaces=None", (o, a) => IsPath(a[0]!, a[1]!) ? ByPath(FindAll, o, a[0]!, a[1]!) : new PyList(Matches(E(o), a[0]!)));
        t.Def("iterfind", "path, namespaces=None", (o, a) => ByPath(IterFind, o, a[0]!, a[1]!));
        t.Def("iter", "tag=None", (o, a) => new PyElementIterator(E(o), a[0] == Values.None || a[0] is PyStr { Value: "*" } ? null : a[0], false));
        t.Def0("itertext", o => new PyElementIterator(E(o), null, true));
    }

    private static void DefineCopies(PyType t)
    {
        t.Def0("__copy__", o =>
        {
            var copy = new PyElement(Type, E(o).Tag, E(o).HasAttributes ? E(o).Attributes.Copy() : null) { Text = E(o).Text, Tail = E(o).Tail };
            if (E(o).Count > 0)
                copy.Children = new PyList(E(o).Children!.ToArray());
            return copy;
        });
        t.Def1("__deepcopy__", (o, memo) =>
        {
            var known = memo as PyDict ?? throw Err.Type($"__deepcopy__() argument must be dict, not {Args.TypeName(memo)}");
            var thread = PyThread.EnterNative(" while copying an element");
            try
            {
                return DeepCopy(E(o), known);
            }
            finally
            {
                thread.LeaveNative();
            }
        });
        t.Def0("__getstate__", o =>
        {
            var state = new PyDict();
            state.Set("tag", E(o).Tag);
            state.Set("_children", new PyList(E(o).Children?.ToArray() ?? []));
            state.Set("attrib", E(o).HasAttributes ? E(o).Attributes : new PyDict());
            state.Set("text", E(o).Text);
            state.Set("tail", E(o).Tail);
            return state;
        });
        t.Def1("__setstate__", (o, state) =>
        {
            SetState(E(o), state as PyDict ?? throw Err.Type($"Don't know how to unpickle \"{Ops.Repr(state)}\" as an Element"));
            return Values.None;
        });
        t.Def0("__sizeof__", o => PyInt.Of(56 + (E(o).HasAttributes || E(o).Count > 0 ? 64 + (8 * E(o).Count) : 0)));
    }

    private static PyElement DeepCopy(PyElement self, PyDict memo)
    {
        var copy = new PyElement(Type, Deep(self.Tag, memo), self.HasAttributes ? Deep(self.Attributes, memo) as PyDict : null) { Text = Deep(self.Text, memo), Tail = Deep(self.Tail, memo) };
        for (var i = 0; i < self.Count; i++)
            copy.Add(PyElement.Of(Deep(self.Children![i], memo)));
        memo.Set(Ops.Id(self), copy);
        return copy;
    }

    // What copies to itself, and an element that nothing else has yet, need not go through the module copy.
    private static PyObject Deep(PyObject o, PyDict memo)
    {
        if (o == Values.None || o.Type == StrType.Type)
            return o;
        if (o is PyElement && o.Type == Type && memo.Get(Ops.Id(o)) is null)
            return Calls.CallMethod(o, "__deepcopy__", memo);
        return Calls.Call(ElementTreeModule.State.DeepCopy, o, memo);
    }

    private static void SetState(PyElement self, PyDict state)
    {
        self.Clear();
        self.Tag = state.Get("tag") ?? throw Err.Type("tag may not be NULL");
        self.Text = state.Get("text") ?? Values.None;
        self.Tail = state.Get("tail") ?? Values.None;
        if (state.Get("_children") is { } children)
        {
            if (children is not PyList list)
                throw Err.Type("'_children' is not a list");
            foreach (var child in list.ToArray())
                self.Add(PyElement.Of(child));
        }
        if (state.Get("attrib") is { } attributes)
            self.Attributes = attributes as PyDict ?? throw Err.Type($"attrib must be dict, not {attributes.Type.FullName}");
    }
}
