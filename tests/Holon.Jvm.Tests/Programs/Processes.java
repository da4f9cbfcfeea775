import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;

/** Processes: pipes, folders, environment, redirections, exit codes and failures. */
public class Processes {
    static String output(Process p) throws IOException { return new String(p.getInputStream().readAllBytes()); }

    public static void main(String[] args) throws Exception {
        Process p = new ProcessBuilder("/bin/cat").start();
        p.getOutputStream().write("through\n".getBytes());
        p.getOutputStream().close();
        System.out.print(output(p));
        System.out.println(p.waitFor() + " " + p.isAlive());

        ProcessBuilder b = new ProcessBuilder("sh", "-c", "echo $X; pwd; echo err >&2; kill -9 $$");
        b.environment().put("X", "y z");
        b.directory(new File("/"));
        b.redirectErrorStream(true);
        p = b.start();
        System.out.print(output(p));
        System.out.println(p.waitFor());

        try {
            new ProcessBuilder("/no/such").start();
        } catch (IOException e) {
            System.out.println(e.getMessage() + " | " + e.getCause().getMessage());
        }

        p = new ProcessBuilder("sleep", "100").start();
        System.out.println(p.isAlive());
        p.destroy();
        System.out.println(p.waitFor());

        System.out.print(output(Runtime.getRuntime().exec("echo a b")));
        System.out.println(new ProcessBuilder("sh", "-c", "echo inherited").inheritIO().start().waitFor());

        File f = File.createTempFile("holon", ".txt");
        new ProcessBuilder("echo", "to a file").redirectOutput(f).start().waitFor();
        try (FileInputStream in = new FileInputStream(f)) {
            System.out.print(new String(in.readAllBytes()));
        }
        f.delete();
    }
}
