"""What Python says of itself: sys, frozen modules, line tables, identifiers of time and place."""
import _imp
import _stat
import importlib
import importlib.machinery
import stat
import sys
import types
import uuid


def tried(function, *arguments):
    try:
        return function(*arguments)
    except BaseException as error:
        return type(error).__name__, str(error)


def long_function(x):
    # A comment.
    if x:


























        return [y
                for y in (1,
                          2)]
    try:
        x()
    except ValueError:
        pass
    finally:
        print(x)


exec("\n" * 300 + "def far():\n" + "    a = 1\n" + "\n" * 290 + "    return (a +\n" + "\n" * 5 + "  a)\n" + "#" * 3)
for function in (long_function, far, tried):
    print(function.__code__.co_lnotab.hex(), len(function.__code__.co_lnotab) % 2)

for name in ("__hello__", "__hello_alias__", "__phello__", "__phello__.spam", "__phello__.ham.eggs", "os_not_frozen"):
    found = _imp.find_frozen(name)
    print(name, found, _imp.is_frozen(name), found and _imp.is_frozen_package(name), tried(_imp.get_frozen_object, name) if not found else type(_imp.get_frozen_object(name)).__name__)
spec = importlib.machinery.FrozenImporter.find_spec("__phello__")
print(spec.name, spec.origin, spec.loader_state.origname, spec.submodule_search_locations)
hello = importlib.import_module("__hello__")
print(hello.__spec__.origin, hello.initialized, hasattr(hello, "__file__"), hello.__file__)
hello.main()

print(_stat.filemode(0o40755), {n for n in dir(stat) if n.startswith("S_")} - set(dir(_stat)), _stat.S_ISDIR(0o40000))
first, second = uuid.uuid1(), uuid.uuid1()
print(first.version, first.variant == uuid.RFC_4122, first.time < second.time, first.node == second.node)

sys.setswitchinterval(0.25)
print(sys.getswitchinterval(), sys._stdlib_dir == stat.__file__.rpartition("/")[0], sys._clear_type_cache())
for function, arguments in ((sys.exit, ((42,),)), (sys.exit, ((1, 2),)), (type(sys.flags), ()), (type(sys.version_info), ((),)), (sys.intern, (type("S", (str,), {})("x"),)), (sys.setswitchinterval, ("x",)), (sys.setswitchinterval, (0,)),
                            (sys.unraisablehook, (ValueError(),)), (sys.call_tracing, (print, 3))):
    print(tried(function, *arguments))
try:
    1 / 0
except ZeroDivisionError as error:
    print(list(sys._current_exceptions().values()) in ([error], [(type(error), error, error.__traceback__)]))

events = []


def inner():
    events.append("inner")


def tracer(frame, event, argument):
    if frame.f_code is traced.__code__ and event == "call":
        sys.call_tracing(inner, ())
    elif event == "call":
        events.append(frame.f_code.co_name)
    return None


def traced():
    pass


sys.settrace(tracer)
traced()
sys.settrace(None)
print(events)
