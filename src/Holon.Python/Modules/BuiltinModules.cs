namespace Holon.Python.Modules;

/// <summary>The modules that CPython has in C, by name. Each is a function that fills a module's namespace.</summary>
internal static class BuiltinModules
{
    public static readonly IReadOnlyDictionary<string, Action<ModuleBuilder>> Table = new Dictionary<string, Action<ModuleBuilder>>(StringComparer.Ordinal)
    {
        ["_abc"] = AbcModule.Fill,
        ["_ast"] = AstModule.Fill,
        ["_asyncio"] = AsyncIo.AsyncIoModule.Fill,
        ["_bisect"] = AlgorithmModules.FillBisect,
        ["_blake2"] = HashModules.FillBlake2,
        ["_bz2"] = Compression.Bz2Module.Fill,
        ["_codecs"] = CodecsModule.Fill,
        ["_codecs_cn"] = Cjk.CjkModules.Family("_codecs_cn"),
        ["_codecs_hk"] = Cjk.CjkModules.Family("_codecs_hk"),
        ["_codecs_iso2022"] = Cjk.CjkModules.Family("_codecs_iso2022"),
        ["_codecs_jp"] = Cjk.CjkModules.Family("_codecs_jp"),
        ["_codecs_kr"] = Cjk.CjkModules.Family("_codecs_kr"),
        ["_codecs_tw"] = Cjk.CjkModules.Family("_codecs_tw"),
        ["_collections"] = CollectionsModule.Fill,
        ["_contextvars"] = ContextVarsModule.Fill,
        ["_crypt"] = SystemLogModules.FillCrypt,
        ["_csv"] = CsvModule.Fill,
        ["_ctypes"] = CTypesModule.Fill,
        ["_datetime"] = TwinModules.FillDateTime,
        ["_decimal"] = Decimals.DecimalModule.Fill,
        ["_elementtree"] = Xml.ElementTreeModule.Fill,
        ["_heapq"] = AlgorithmModules.FillHeap,
        ["_imp"] = ImpModule.Fill,
        ["_io"] = IoModule.Fill,
        ["_json"] = JsonModule.Fill,
        ["_locale"] = LocaleModule.Fill,
        ["_lsprof"] = LsProfModule.Fill,
        ["_lzma"] = Compression.LzmaModule.Fill,
        ["_md5"] = HashModules.FillMd5,
        ["_multibytecodec"] = Cjk.CjkModules.FillBase,
        ["_multiprocessing"] = MultiprocessingModules.FillMultiprocessing,
        ["_opcode"] = OpcodeModule.Fill,
        ["_operator"] = AlgorithmModules.FillOperator,
        ["_pickle"] = Pickling.PickleModule.Fill,
        ["_posixshmem"] = MultiprocessingModules.FillSharedMemory,
        ["_posixsubprocess"] = SubprocessModule.Fill,
        ["_queue"] = SimpleQueueModule.Fill,
        ["_random"] = RandomModule.Fill,
        ["_sha1"] = HashModules.FillSha1,
        ["_sha256"] = HashModules.FillSha256,
        ["_sha3"] = HashModules.FillSha3,
        ["_sha512"] = HashModules.FillSha512,
        ["_signal"] = SignalModule.Fill,
        ["_socket"] = Network.SocketModule.Fill,
        ["_sqlite3"] = Sqlite.SqliteModule.Fill,
        ["_sre"] = SreModule.Fill,
        ["_ssl"] = Tls.SslModule.Fill,
        ["_stat"] = TwinModules.FillStat,
        ["_statistics"] = StatisticsModule.Fill,
        ["_string"] = StringModule.Fill,
        ["_struct"] = StructModule.Fill,
        ["_symtable"] = SymtableModule.Fill,
        ["_thread"] = ThreadModule.Fill,
        ["_tracemalloc"] = TraceMallocModule.Fill,
        ["_typing"] = StatisticsModule.FillTyping,
        ["_uuid"] = UuidModule.Fill,
        ["_warnings"] = WarningsModule.Fill,
        ["_weakref"] = WeakRefModule.Fill,
        ["array"] = ArrayModule.Fill,
        ["atexit"] = AtExitModule.Fill,
        ["audioop"] = AudioOpModule.Fill,
        ["binascii"] = BinAsciiModule.Fill,
        ["cmath"] = CMathModule.Fill,
        ["errno"] = ErrnoModule.Fill,
        ["faulthandler"] = FaultHandlerModule.Fill,
        ["fcntl"] = SystemDataModules.FillFcntl,
        ["gc"] = GcModule.Fill,
        ["grp"] = SystemDataModules.FillGrp,
        ["itertools"] = IterToolsModule.Fill,
        ["marshal"] = MarshalModule.Fill,
        ["math"] = MathModule.Fill,
        ["mmap"] = MmapModule.Fill,
        ["posix"] = PosixModule.Fill,
        ["pyexpat"] = Xml.PyExpatModule.Fill,
        ["pwd"] = SystemDataModules.FillPwd,
        ["readline"] = Terminal.ReadlineModule.Fill,
        ["resource"] = SystemDataModules.FillResource,
        ["select"] = Network.SelectModule.Fill,
        ["spwd"] = SystemLogModules.FillSpwd,
        ["syslog"] = SystemLogModules.FillSyslog,
        ["termios"] = SystemDataModules.FillTermios,
        ["time"] = TimeModule.Fill,
        ["unicodedata"] = UnicodeDataModule.Fill,
        ["zlib"] = Compression.ZlibModule.Fill,
    };

    /// <summary>Modules that cannot be here: importing one says why.</summary>
    public static readonly IReadOnlyDictionary<string, string> Refused = new Dictionary<string, string>
    {
        ["_testcapi"] = "it tests CPython's C interface, which this machine does not have",
        ["_testinternalcapi"] = "it tests the inside of CPython",
        ["_testbuffer"] = "it tests CPython's C interface, which this machine does not have",
        ["_testclinic"] = "it tests CPython's C interface, which this machine does not have",
        ["_testimportmultiple"] = "it tests CPython's C interface, which this machine does not have",
        ["_testmultiphase"] = "it tests CPython's C interface, which this machine does not have",
        ["_ctypes_test"] = "it is a C library for the tests of ctypes, and machine code cannot be called",
        ["_xxtestfuzz"] = "it tests CPython's C interface, which this machine does not have",
        ["_xxsubinterpreters"] = "several machines are several interpreters; from inside of one, others cannot be made",
        ["xxlimited"] = "it is an example of a C extension",
        ["xxlimited_35"] = "it is an example of a C extension",
        ["xxsubtype"] = "it is an example of types made in C",
        ["_curses"] = "it stands on a C library for terminals that this machine does not have; escape sequences and termios work",
        ["_curses_panel"] = "it stands on a C library for terminals that this machine does not have",
        ["_dbm"] = "it stands on a C library that this machine does not have; dbm.dumb and sqlite3 work",
        ["_gdbm"] = "it stands on a C library that this machine does not have; dbm.dumb and sqlite3 work",
        ["_tkinter"] = "it stands on Tcl/Tk, which this machine does not have",
        ["nis"] = "it is about Sun's yellow pages, which this machine does not have",
        ["ossaudiodev"] = "it is about the sound devices of old systems, which this machine does not have",
    };

    /// <summary>Built-in types that <c>__subclasses__</c> must know.</summary>
    public static IEnumerable<PyType> AllTypes => ExceptionTypes.All.Concat([IntType.Bool, IntType.Type, FloatType.Type, StrType.Type, BytesType.Type, ListType.Type, TupleType.Type, DictType.Type, SetTypes.Set, SetTypes.Frozen, PyType.TypeType, ComplexType.Type, RangeType.Type, SliceType.Type, FunctionTypes.Function, FunctionTypes.Property, ExceptionGroups.ExceptionGroup]);

    public static PyModule Create(Machine machine, string name, Action<ModuleBuilder> fill)
    {
        var module = new PyModule(ModuleType.Type, new PyDict());
        module.Dict.Set(Names.Name, machine.Intern(name));
        module.Dict.Set(Names.Doc, Values.None);
        foreach (var each in new[] { Names.Package, Names.Loader, Names.Spec })
            module.Dict.Set(each, Values.None);
        fill(new ModuleBuilder(machine, module, name));
        return module;
    }
}

/// <summary>Fills a module's namespace.</summary>
internal sealed class ModuleBuilder(Machine machine, PyModule module, string name)
{
    public Machine Machine { get; } = machine;

    public PyModule Module { get; } = module;

    public void Def0(string function, Func<PyObject?> body) =>
        Add(new NativeCode { Name = function, F0 = _ => body() });

    public void Def1(string function, Func<PyObject, PyObject?> body) =>
        Add(new NativeCode { Name = function, F1 = (_, a) => body(a) });

    /// <summary>A function with a parameter list, see <see cref="Signature"/>.</summary>
    public void Def(string function, string signature, FnModule body) =>
        Add(new NativeCode { Name = function, SignatureText = signature, Bound = (_, a) => body(a) });

    /// <summary>A function that keeps its arguments.</summary>
    public void DefKept(string function, string signature, Func<PyObject?[], PyObject?> body) =>
        Add(new NativeCode { Name = function, SignatureText = signature, Kept = (_, a) => body(a) });

    public void DefRaw(string function, NativeFn body) => Add(new NativeCode { Name = function, Raw = body });

    public void Set(string attribute, PyObject value) => Module.Dict.Set(Machine.Intern(attribute), value);

    public void Set(string attribute, long value) => Set(attribute, PyInt.Of(value));

    public void Set(string attribute, string value) => Set(attribute, PyStr.FromUtf16(value));

    public void Types(params PyType[] types)
    {
        foreach (var type in types)
            Set(type.Name, type);
    }

    private void Add(NativeCode code) => Set(code.Name, new PyBuiltin(code, Module, name));
}
