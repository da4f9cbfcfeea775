import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFileAttributeView;
import java.security.AccessControlContext;
import java.security.AccessController;
import java.security.PrivilegedAction;
import java.security.ProtectionDomain;
import java.util.concurrent.TimeUnit;

/** Copies, locks, owners, stores; processes and their children; the beans of java.lang.management; privileged code. */
public class FilesAndProcesses {
    public static void main(String[] args) throws Exception {
        Path folder = Files.createTempDirectory("holon");
        try {
            files(folder);
        } finally {
            try (var all = Files.walk(folder)) {
                for (Path p : all.sorted(java.util.Comparator.reverseOrder()).toList()) Files.delete(p);
            }
        }
        processes();
        beans();
        privileges();
    }

    static void files(Path folder) throws IOException {
        Path a = Files.writeString(folder.resolve("a"), "some text\n".repeat(20_000));
        Files.setLastModifiedTime(a, FileTime.from(1_000_000_000, TimeUnit.SECONDS));
        Path b = Files.copy(a, folder.resolve("b"), StandardCopyOption.COPY_ATTRIBUTES);
        System.out.println(Files.size(b) + " " + Files.getLastModifiedTime(b) + " " + Files.mismatch(a, b));
        System.out.println(Files.getOwner(b).getName().equals(System.getProperty("user.name")));
        Files.setOwner(b, Files.getOwner(a));
        var view = Files.getFileAttributeView(b, PosixFileAttributeView.class);
        view.setGroup(view.readAttributes().group());
        var store = Files.getFileStore(b);
        System.out.println(store.getTotalSpace() > 0 && store.getUsableSpace() <= store.getTotalSpace() && !store.type().isEmpty());
        try (var stream = Files.newDirectoryStream(folder)) {
            if (stream instanceof SecureDirectoryStream<Path> secure) {
                System.out.println(secure.getFileAttributeView(Path.of("b"), java.nio.file.attribute.BasicFileAttributeView.class).readAttributes().size());
                secure.move(Path.of("b"), secure, Path.of("c"));
                secure.deleteFile(Path.of("c"));
            }
        }
        System.out.println(Files.exists(b) + " " + Files.readAttributes(a, BasicFileAttributes.class).isRegularFile());
        try (var one = FileChannel.open(a, StandardOpenOption.WRITE); var lock = one.tryLock(0, 10, false)) {
            System.out.println(lock.isValid() + " " + lock.isShared());
            try {
                one.tryLock();
            } catch (OverlappingFileLockException e) {
                System.out.println(e);
            }
        }
    }

    static void processes() throws Exception {
        var me = ProcessHandle.current();
        Process child = new ProcessBuilder("sleep", "100").start();
        System.out.println(me.children().anyMatch(p -> p.pid() == child.pid()) + " " + child.toHandle().parent().get().equals(me));
        System.out.println(ProcessHandle.allProcesses().anyMatch(p -> p.equals(me)) + " " + me.info().startInstant().isPresent());
        var info = child.info();
        System.out.println(info.arguments().map(w -> w[0]).orElse("?") + " " + info.user().equals(me.info().user()));
        child.toHandle().destroy();
        System.out.println(child.onExit().get().exitValue() + " " + child.isAlive());
    }

    static void beans() {
        var runtime = ManagementFactory.getRuntimeMXBean();
        System.out.println(runtime.getName().startsWith(ProcessHandle.current().pid() + "@") + " " + runtime.getSpecVersion() + " " + (runtime.getUptime() >= 0));
        var threads = ManagementFactory.getThreadMXBean();
        var own = threads.getThreadInfo(Thread.currentThread().getId(), 5);
        System.out.println(own.getThreadName() + " " + own.getThreadState() + " " + (threads.getThreadCount() > 0) + " " + (threads.getCurrentThreadCpuTime() > 0));
        var heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
        System.out.println(heap.getCommitted() > 0);
        System.out.println(!ManagementFactory.getGarbageCollectorMXBeans().isEmpty() + " " + !ManagementFactory.getMemoryPoolMXBeans().isEmpty());
        System.out.println(ManagementFactory.getPlatformMBeanServer().isRegistered(runtime.getObjectName()));
    }

    @SuppressWarnings("removal")
    static void privileges() {
        var none = new AccessControlContext(new ProtectionDomain[] {new ProtectionDomain(null, null)});
        PrivilegedAction<String> ask = () -> {
            try {
                AccessController.checkPermission(new RuntimePermission("holon"));
                return "granted";
            } catch (SecurityException e) {
                return e.getMessage();
            }
        };
        System.out.println(AccessController.doPrivileged(ask, none));
        System.out.println(ask.run());
    }
}
