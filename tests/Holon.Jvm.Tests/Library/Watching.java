import java.nio.file.*;
import java.util.*;
import static java.nio.file.StandardWatchEventKinds.*;

/** WatchService: what happens in a folder. */
public class Watching {
    /** Events until one of a kind for a name has come; repeated changes of a file count once. */
    static Set<String> until(WatchService service, String last) throws Exception {
        Set<String> seen = new LinkedHashSet<>();
        while (!seen.contains(last)) {
            WatchKey key = service.take();
            for (WatchEvent<?> e : key.pollEvents()) seen.add(e.kind() + " " + e.context());
            if (!key.reset()) seen.add("no longer valid");
        }
        return seen;
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = Files.createTempDirectory("watched");
        Path inner = Files.createDirectory(folder.resolve("inner"));
        WatchKey other;
        try (WatchService service = FileSystems.getDefault().newWatchService()) {
            folder.register(service, ENTRY_CREATE, ENTRY_MODIFY, ENTRY_DELETE);
            other = inner.register(service, ENTRY_CREATE);
            System.out.println(service.poll());
            Files.writeString(folder.resolve("one"), "x");
            System.out.println(until(service, "ENTRY_MODIFY one"));
            Files.delete(folder.resolve("one"));
            System.out.println(until(service, "ENTRY_DELETE one"));
            Files.createFile(inner.resolve("two"));
            System.out.println(until(service, "ENTRY_CREATE two"));
            other.cancel();
            System.out.println(other.isValid());
            Files.move(inner.resolve("two"), folder.resolve("three"));
            System.out.println(until(service, "ENTRY_CREATE three"));
            try {
                Path.of("/none/there").register(service, ENTRY_CREATE);
            } catch (NoSuchFileException e) {
                System.out.println(e.getMessage());
            }
            try {
                folder.resolve("three").register(service, ENTRY_CREATE);
            } catch (NotDirectoryException e) {
                System.out.println("no folder");
            }
        }
        System.out.println(other.isValid());
        for (Path p : new Path[] {folder.resolve("three"), inner, folder}) Files.delete(p);
    }
}
