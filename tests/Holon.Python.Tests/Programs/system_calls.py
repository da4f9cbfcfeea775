"""The module posix beyond files: names that are no UTF-8, programs in this one's place, users, scheduling, descriptors; weak references and locks."""
import errno
import gc
import os
import stat
import sys
import tempfile
import threading
import _thread
import weakref


def tried(function, *arguments, **named):
    try:
        return function(*arguments, **named)
    except Exception as error:
        return type(error).__name__, str(error).split(" at 0x")[0]


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    odd = os.fsdecode(b"latin-\xe9")
    open(odd, "w").close()
    os.mkdir(odd + ".d")
    os.rename(odd, odd + "2")
    print(sorted(map(ascii, os.listdir("."))), sorted(os.listdir(b".")), sorted(os.listdir(os.open(".", os.O_RDONLY)), key=ascii) == sorted(os.listdir("."), key=ascii))
    with os.scandir(".") as entries:
        found = sorted(entries, key=lambda e: ascii(e.name))
    os.rmdir(odd + ".d")
    print([(ascii(e.name), e.is_dir(), e.is_file(), e.is_symlink()) for e in found])
    os.mkfifo("pipe")
    print(stat.S_ISFIFO(os.stat("pipe").st_mode), [os.makedev(8, 300), os.major(os.makedev(8, 300)), os.minor(os.makedev(8, 300))], tried(os.major, -1)[0])
    a, b = open("a", "w+b"), open("b", "w+b")
    a.write(b"0123456789")
    a.flush()
    print(os.copy_file_range(a.fileno(), b.fileno(), 4, 2), os.pread(b.fileno(), 9, 0), os.pwritev(b.fileno(), [b"x", b"yz"], 1), os.pread(b.fileno(), 9, 0))
    read, write = os.pipe()
    print(os.splice(a.fileno(), write, 5, offset_src=5), os.read(read, 9))
    counter = os.eventfd(3)
    os.eventfd_write(counter, 4)
    print(os.eventfd_read(counter), tried(os.stat, 999), tried(os.fpathconf, 999, "PC_NAME_MAX"))
    print(tried(os.listxattr, "a"), tried(os.getxattr, "a", "user.none")[0])
    os.chdir("/")

print(os.confstr("CS_PATH"), os.pathconf("/", "PC_NAME_MAX"), os.sched_getscheduler(0), os.sched_getparam(0), os.sched_get_priority_max(os.SCHED_FIFO))
print(tried(os.setuid, -2), tried(os.setgid, -3), tried(os.setuid, "x"), os.getresuid() == (os.getuid(), os.geteuid(), os.geteuid()), os.getgrouplist("root", 0)[:1])
print(tried(os.setuid, os.getuid()), tried(os.setresgid, -1, -1, -1), sorted(n for n in errno.errorcode)[-1], errno.ENODATA, errno.EDEADLK, errno.errorcode[35])
spawned = [sys.executable, "-I", "-S", "-c", "import sys, os; os.execv('/bin/sh', ['sh', '-c', 'exit $0', sys.argv[1]])", "7"]
print(os.spawnv(os.P_WAIT, spawned[0], spawned), os.spawnlp(os.P_WAIT, "sh", "sh", "-c", "exit 3"), os.spawnve(os.P_WAIT, "/bin/sh", ["sh", "-c", "exit $CODE"], {"CODE": "5"}), os.spawnv(os.P_WAIT, "/nowhere", ["x"]))
pid = os.spawnv(os.P_NOWAIT, "/bin/sh", ["sh", "-c", "exit 9"])
watched = os.pidfd_open(pid)
result = os.waitid(os.P_PIDFD, watched, os.WEXITED)
print(result.si_pid == pid, result.si_status, result.si_code == os.CLD_EXITED)
for function, arguments in ((os.execv, ("/bin/sh", [])), (os.execv, ("/bin/sh", [""])), (os.execve, ("/bin/sh", ["sh"], {"a=b": "c", "": "d"})), (os.execv, ("/nowhere", ["x"])), (os.spawnv, (os.P_WAIT, "sh", []))):
    print(tried(function, *arguments))


class C:
    def __index__(self): return 10
    def __bytes__(self): return b"bytes"
    def __floordiv__(self, other): return 42
    def __ifloordiv__(self, other): return 21
    def __reversed__(self): return iter("cba")
    def __neg__(self): return "negative"
    def method(self): return "called"


class Number(float):
    def __call__(self, *args): return args


c, number = C(), Number(1)
proxy = weakref.proxy(c)
divided = proxy
divided //= 5
print([5, 6][True], range(20)[proxy], bytes(proxy), proxy // 2, divided, list(reversed(proxy)), weakref.proxy(number)(1, 2), -proxy, weakref.WeakMethod(c.method)()(), weakref.ref(number)() is number)
for function in (lambda: weakref.ref(), lambda: weakref.ref(c, None, 3), lambda: weakref.ref(c, callback=None), lambda: weakref.ref(c)(1), lambda: weakref.ref(1), lambda: weakref.ref(()), lambda: next(proxy)):
    print(tried(function) if not isinstance(tried(function), weakref.ref) else "a reference")
del c, divided

lock = _thread.RLock()
print(str(lock).split(" at ")[0])
with lock:
    print(str(lock).split(" owner=")[0], "count=1" in str(lock))
print(tried(lock.acquire, timeout=1e20), tried(_thread.allocate_lock().acquire, timeout=9.22e9), tried(threading.local, 1), tried(setattr, threading.local(), "__dict__", {}))
started = threading.Event()
waiting = threading.Thread(target=lambda: (started.wait(), _thread.interrupt_main()))
try:
    waiting.start()
    started.set()
    waiting.join()
    print("not interrupted")
except KeyboardInterrupt:
    print("interrupted")


def annotated(x: int) -> str: pass


print(classmethod(annotated).__annotations__, sorted(staticmethod(annotated).__dict__))
gc.collect()
