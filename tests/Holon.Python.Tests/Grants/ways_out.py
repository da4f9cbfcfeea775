"""Every native function of the modules that reach outside, and that each asks when nothing is granted.

A function that is in no list here is an error: whoever adds one decides what it is. FOREIGN is a descriptor that the machine has not opened.
"""
import importlib, io, os, types

HARMLESS = {
    "posix": """WCOREDUMP WEXITSTATUS WIFCONTINUED WIFEXITED WIFSIGNALED WIFSTOPPED WSTOPSIG WTERMSIG _path_normpath abort cpu_count ctermid
        fspath getcwd getcwdb getegid geteuid getgid getgroups getloadavg getlogin getpgid getpgrp getpid getppid getpriority getrandom
        getresgid getresuid getsid getuid memfd_create openpty pipe pipe2 putenv register_at_fork sched_get_priority_max
        sched_get_priority_min sched_getaffinity sched_getparam sched_getscheduler sched_yield strerror sync sysconf times uname unsetenv
        urandom waitstatus_to_exitcode closerange isatty confstr device_encoding eventfd major makedev minor sched_rr_get_interval""",
    "_io": "text_encoding",
    "_socket": """CMSG_LEN CMSG_SPACE getdefaulttimeout gethostname getprotobyname getservbyname getservbyport htonl htons inet_aton
        inet_ntoa inet_ntop inet_pton ntohl ntohs setdefaulttimeout sethostname socketpair""",
    "select": "poll",
    "resource": "getpagesize getrlimit getrusage",
    "_signal": """alarm default_int_handler getitimer getsignal pause pthread_sigmask setitimer siginterrupt signal sigpending
        sigtimedwait sigwait sigwaitinfo strsignal valid_signals""",
    "faulthandler": "cancel_dump_traceback_later disable is_enabled unregister",
    "readline": """add_history clear_history get_begidx get_completer get_completer_delims get_completion_type get_current_history_length
        get_endidx get_history_item get_history_length get_line_buffer insert_text parse_and_bind read_init_file redisplay
        remove_history_item replace_history_item set_auto_history set_completer set_completer_delims set_completion_display_matches_hook
        set_history_length set_pre_input_hook set_startup_hook""",
    "_sqlite3": "adapt complete_statement enable_callback_tracebacks enable_shared_cache register_adapter register_converter",
    "_ssl": "RAND_add RAND_bytes RAND_pseudo_bytes RAND_status get_default_verify_paths nid2obj txt2obj",
    "syslog": "LOG_MASK LOG_UPTO",
    "pwd": "", "grp": "", "fcntl": "", "termios": "", "_posixsubprocess": "", "mmap": "", "_multiprocessing": "", "_posixshmem": "", "spwd": "",
}

P, Q = "/etc/hostname", "/tmp/holon-ways-out"
PATHS = {
    "posix": dict(access=None, chdir=(P,), chmod=(P, 0o600), chown=(P, 0, 0), lchown=(P, 0, 0), link=(P, Q), listdir=("/etc",), lstat=(P,), mkdir=(Q,),
                  getxattr=(P, "user.a"), listxattr=(P,), mknod=(Q,), pathconf=(P, "PC_NAME_MAX"), removexattr=(P, "user.a"), setxattr=(P, "user.a", b""),
                  mkfifo=(Q,), open=(P, 0), readlink=(P,), remove=(Q,), rename=(P, Q), replace=(P, Q), rmdir=(Q,), scandir=("/etc",), stat=(P,),
                  statvfs=(P,), symlink=(P, Q), truncate=(P, 0), unlink=(Q,), utime=(P,)),
    "_io": dict(open=(P,), open_code=(P,), FileIO=(P,)),
    "_sqlite3": dict(connect=(P,)),
    "_ssl": dict(_test_decode_cert=(P,)),
    "_posixshmem": dict(shm_open=("/x", 0), shm_unlink=("/x",)),
    "_multiprocessing": dict(sem_unlink=("/x",), SemLock=(1, 1, 1, "/x", False)),
    "syslog": dict(closelog=(), openlog=(), syslog=("x",)),
    "spwd": dict(getspall=(), getspnam=("root",)),
    "readline": dict(append_history_file=(1, Q), read_history_file=(P,), write_history_file=(Q,)),
}
REFUSED = {  # processes, the network, the end of the process
    "posix": dict(_exit=(0,), kill=(1, 0), killpg=(1, 0), nice=(0,), posix_spawn=("/bin/true", ["true"], {}), posix_spawnp=("true", ["true"], {}),
                  setpgid=(0, 0), setpgrp=(), setpriority=(0, 0, 0), setsid=(), tcsetpgrp=(0, 1), system=("true",), umask=(0o22,), wait=(), wait3=(0,), wait4=(-1, 0),
                  waitpid=(-1, 0), chroot=("/",), execv=("/bin/true", ["true"]), execve=("/bin/true", ["true"], {}), getgrouplist=("root", 0), initgroups=("root", 0),
                  pidfd_open=(1,), sched_setaffinity=(0, [0]), sched_setparam=(0, os.sched_param(0)), sched_setscheduler=(0, 0, os.sched_param(0)), setegid=(0,), seteuid=(0,),
                  setgid=(0,), setgroups=([],), setregid=(0, 0), setresgid=(0, 0, 0), setresuid=(0, 0, 0), setreuid=(0, 0), setuid=(0,), spawnv=(0, "/bin/true", ["true"]),
                  spawnve=(0, "/bin/true", ["true"], {}), spawnvp=(0, "true", ["true"]), spawnvpe=(0, "true", ["true"], {}), waitid=(0, 0, 4)),
    "_socket": dict(socket=(), getaddrinfo=("localhost", 80), gethostbyaddr=("localhost",), gethostbyname=("localhost",), gethostbyname_ex=("localhost",),
                    getnameinfo=(("127.0.0.1", 80), 0), if_indextoname=(1,), if_nameindex=(), if_nametoindex=("lo",)),
    "_signal": dict(pthread_kill=(1, 15), raise_signal=(15,)),
    "resource": dict(prlimit=(1, 0), setrlimit=(4, (0, 0))),
    "_posixsubprocess": dict(fork_exec=([b"true"], [b"/bin/true"], True, (), None, None, -1, -1, -1, -1, -1, -1, -1, -1, True, False, -1, None, None, None, -1, None, False)),
    "syslog": dict(setlogmask=(0,)),
    "faulthandler": dict(dump_traceback_later=(1, False, 2, True)),
}
F = FOREIGN  # noqa: F821  put there by the test
DESCRIPTORS = {
    "posix": dict(close=(F,), copy_file_range=(F, F, 1), eventfd_read=(F,), eventfd_write=(F, 1), fpathconf=(F, "PC_NAME_MAX"), pwritev=(F, [b""], 0), splice=(F, F, 1), dup=(F,), dup2=(F, 900), fchdir=(F,), fchmod=(F, 0o600), fchown=(F, 0, 0), fdatasync=(F,), fstat=(F,),
                  fstatvfs=(F,), fsync=(F,), ftruncate=(F, 0), get_blocking=(F,), get_inheritable=(F,), get_terminal_size=(F,), lockf=(F, 3, 0),
                  lseek=(F, 0, 0), posix_fadvise=(F, 0, 0, 0), posix_fallocate=(F, 0, 1), pread=(F, 1, 0), preadv=(F, [bytearray(1)], 0), pwrite=(F, b"", 0),
                  read=(F, 1), readv=(F, [bytearray(1)]), sendfile=(1, F, 0, 1), set_blocking=(F, True), set_inheritable=(F, True), tcgetpgrp=(F,), ttyname=(F,), write=(F, b""), writev=(F, [b""])),
    "_io": {},
    "_socket": dict(close=(F,), dup=(F,)),
    "select": dict(select=([F], [], [], 0)),
    "fcntl": dict(fcntl=(F, 1), flock=(F, 8), ioctl=(F, 0x5413, b"12345678"), lockf=(F, 8)),
    "termios": dict(tcdrain=(F,), tcflow=(F, 0), tcflush=(F, 0), tcgetattr=(F,), tcgetwinsize=(F,), tcsendbreak=(F, 0), tcsetattr=(F, 0, [0, 0, 0, 0, 0, 0, [0] * 32])),
    "faulthandler": dict(dump_traceback=(F,), enable=(F,), register=(10, F)),
    "_signal": dict(set_wakeup_fd=(F,)),
}
EMPTY = {"pwd": dict(getpwall=()), "grp": dict(getgrall=())}  # as if nothing were there
EMPTY_KEYS = {"pwd": dict(getpwnam=("root",), getpwuid=(0,)), "grp": dict(getgrgid=(0,), getgrnam=("root",))}

problems = []


def ended(function, arguments):
    try:
        return None, function(*arguments)
    except BaseException as error:
        return error, None


for name, harmless in HARMLESS.items():
    module = importlib.import_module(name)
    known = set(harmless.split())
    for table in (PATHS, REFUSED, DESCRIPTORS, EMPTY, EMPTY_KEYS):
        known |= set(table.get(name, ()))
    for function, value in vars(module).items():
        if isinstance(value, types.BuiltinFunctionType) and function not in known:
            problems.append(f"{name}.{function} is in no list")

for table in (PATHS, REFUSED):
    for name, functions in table.items():
        module = importlib.import_module(name)
        for function, arguments in functions.items():
            if arguments is None:
                continue
            error, value = ended(getattr(module, function), arguments)
            if not isinstance(error, PermissionError) or "--allow-" not in str(error):
                problems.append(f"{name}.{function}{arguments}: {error!r} {value!r}")
for name, functions in DESCRIPTORS.items():
    module = importlib.import_module(name)
    for function, arguments in functions.items():
        error, value = ended(getattr(module, function), arguments)
        if not isinstance(error, OSError) or error.errno != 9:
            problems.append(f"{name}.{function}{arguments}: {error!r} {value!r}")
for name, functions in EMPTY.items():
    for function, arguments in functions.items():
        error, value = ended(getattr(importlib.import_module(name), function), arguments)
        if value:
            problems.append(f"{name}.{function}: {value!r}")
for name, functions in EMPTY_KEYS.items():
    for function, arguments in functions.items():
        error, value = ended(getattr(importlib.import_module(name), function), arguments)
        if not isinstance(error, KeyError):
            problems.append(f"{name}.{function}: {error!r} {value!r}")

import posix, select, sqlite3, ssl, _socket

database = sqlite3.connect(":memory:")

for what, action in {
    "open of a descriptor": lambda: io.FileIO(F),
    "socket of a descriptor": lambda: _socket.socket(fileno=F),
    "epoll of a descriptor": lambda: select.epoll.fromfd(F),
    "watching a descriptor": lambda: select.epoll().register(F),
    "mapping a descriptor": lambda: importlib.import_module("mmap").mmap(F, 1),
    "polling a descriptor": lambda: select.poll().register(F),
    "passing on a descriptor": lambda: _socket.socketpair()[0].sendmsg([b"x"], [(1, 1, F.to_bytes(4, "little"))]),
}.items():
    error, value = ended(action, ())
    if not isinstance(error, OSError) or error.errno != 9:
        problems.append(f"{what}: {error!r} {value!r}")
for what, action in {
    "connecting a Unix socket": lambda: _socket.socket(1).connect("/run/x"),
    "naming a Unix socket": lambda: _socket.socket(1).bind("/tmp/x"),
    "an abstract Unix socket": lambda: _socket.socket(1).connect("\0x"),
    "sending to a Unix socket": lambda: _socket.socket(1, 2).sendto(b"x", "/run/x"),
    "a packet socket": lambda: _socket.socket(17, 3),
    "a netlink socket": lambda: _socket.socket(16, 3),
    "an opener": lambda: open("x", opener=lambda p, f: posix.open("/etc/hostname", f)),
    "fcntl with an address": lambda: importlib.import_module("fcntl").fcntl(0, 5, 4096),
    "ioctl with an address": lambda: importlib.import_module("fcntl").ioctl(0, 0x5401, 4096),
    "typing for the user": lambda: importlib.import_module("fcntl").ioctl(0, 0x5412, b"x"),
    "closing the host's output": lambda: posix.close(1),
    "replacing the host's output": lambda: posix.dup2(0, 1),
    "a certificate": lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(P),
    "a folder of certificates": lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(capath="/etc"),
    "a key": lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(P),
    "a log of keys": lambda: setattr(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "keylog_filename", Q),
    "Diffie-Hellman parameters": lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_dh_params(P),
    "a database by URI": lambda: sqlite3.connect(f"file://{P}?mode=ro", uri=True),
    "memory of the process": lambda: open("/proc/self/mem", "rb"),
}.items():
    error, value = ended(action, ())
    if not isinstance(error, PermissionError):
        problems.append(f"{what}: {error!r} {value!r}")
for statement in (f"ATTACH '{Q}' AS x", f"ATTACH 'file:{Q}' AS x", "ATTACH '/tmp/' || 'x' AS x", f"VACUUM INTO '{Q}'", "PRAGMA temp_store_directory = '/tmp'", "SELECT load_extension('x')"):
    error, value = ended(database.execute, (statement,))
    if not isinstance(error, sqlite3.DatabaseError) or os.path.exists(Q):
        problems.append(f"{statement}: {error!r} {value!r}")
if os.access("/etc/hostname", os.R_OK) or os.path.exists("/etc/hostname") or dict(os.environ):
    problems.append("something of the host is seen")
error, _ = ended(compile, ("x = (", "/etc/hostname", "exec"))
if error.text is not None and error.text.strip() != "x = (":
    problems.append(f"a line of a file in an error: {error.text!r}")
