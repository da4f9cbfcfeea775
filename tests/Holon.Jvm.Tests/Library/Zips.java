import java.io.*;
import java.net.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.nio.file.attribute.*;
import java.util.*;
import java.util.jar.*;
import java.util.zip.*;

/** Zip files, jars, gzip, the zip file system, checksums. */
public class Zips {
    public static void main(String[] arguments) throws Exception {
        Path folder = Files.createTempDirectory("zips");
        Path zip = folder.resolve("a.zip");
        byte[] data = new byte[200_000];
        Random random = new Random(1);
        for (int i = 0; i < data.length; i++) data[i] = (byte) (i % 1000 < 600 ? i / 100 : random.nextInt());
        try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(zip))) {
            out.setComment("a comment");
            for (int level = 0; level <= 9; level += 3) {
                out.setLevel(level);
                ZipEntry entry = new ZipEntry("dir/level" + level + ".bin");
                entry.setTime(1_600_000_000_000L);
                entry.setComment("level " + level);
                out.putNextEntry(entry);
                out.write(data);
                out.closeEntry();
            }
            ZipEntry stored = new ZipEntry("störed.txt");
            byte[] text = "stored text".getBytes(StandardCharsets.UTF_8);
            CRC32 crc = new CRC32();
            crc.update(text);
            stored.setMethod(ZipEntry.STORED);
            stored.setSize(text.length);
            stored.setCrc(crc.getValue());
            out.putNextEntry(stored);
            out.write(text);
            try {
                out.putNextEntry(new ZipEntry("störed.txt"));
            } catch (ZipException e) {
                System.out.println(e.getMessage());
            }
        }
        try (ZipFile file = new ZipFile(zip.toFile())) {
            System.out.println(file.getComment() + " " + file.size());
            for (ZipEntry e : Collections.list(file.entries())) System.out.println(e.getName() + " " + e.getSize() + " " + Long.toHexString(e.getCrc()) + " " + e.getMethod() + " " + e.getComment() + " " + Arrays.equals(data, file.getInputStream(e).readAllBytes()));
        }
        try (ZipInputStream in = new ZipInputStream(new BufferedInputStream(Files.newInputStream(zip)))) {
            for (ZipEntry e; (e = in.getNextEntry()) != null; ) System.out.println(e.getName() + " " + in.readAllBytes().length);
        }
        try (FileSystem fs = FileSystems.newFileSystem(zip, Map.of())) {
            Files.writeString(fs.getPath("/new.txt"), "from the file system");
            Files.delete(fs.getPath("/dir/level3.bin"));
            Files.createDirectory(fs.getPath("/x"));
            Files.copy(fs.getPath("/new.txt"), fs.getPath("/x/copy.txt"));
            try (var walk = Files.walk(fs.getPath("/"))) {
                System.out.println(walk.map(Path::toString).sorted().toList());
            }
        }
        try (FileSystem fs = FileSystems.newFileSystem(zip, Map.of())) {
            System.out.println(Files.readString(fs.getPath("x", "copy.txt")) + " " + Files.size(fs.getPath("/dir/level9.bin")));
        }
        Path jar = folder.resolve("b.jar");
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(new Attributes.Name("X-Long"), "v".repeat(200));
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar), manifest)) {
            out.putNextEntry(new JarEntry("res/hello.txt"));
            out.write("hello".getBytes());
        }
        try (JarFile file = new JarFile(jar.toFile()); URLClassLoader loader = new URLClassLoader(new URL[] {jar.toUri().toURL()}, null)) {
            System.out.println(file.getManifest().getMainAttributes().getValue("X-Long").length() + " " + new String(loader.getResourceAsStream("res/hello.txt").readAllBytes()) + " " + loader.getResource("none"));
        }
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
            out.write(data);
        }
        System.out.println(Arrays.equals(data, new GZIPInputStream(new ByteArrayInputStream(packed.toByteArray())).readAllBytes()));
        byte[] broken = packed.toByteArray();
        broken[broken.length / 2] ^= 0x55;
        try {
            new GZIPInputStream(new ByteArrayInputStream(broken)).readAllBytes();
            System.out.println("unnoticed");
        } catch (IOException e) {
            System.out.println("noticed");
        }
        Deflater deflater = new Deflater(Deflater.BEST_COMPRESSION, true);
        deflater.setDictionary("hello world".getBytes());
        deflater.setInput("hello world, hello zip".getBytes());
        deflater.finish();
        byte[] buffer = new byte[100];
        int length = deflater.deflate(buffer);
        Inflater inflater = new Inflater(true);
        inflater.setDictionary("hello world".getBytes());
        inflater.setInput(buffer, 0, length);
        byte[] result = new byte[100];
        System.out.println(new String(result, 0, inflater.inflate(result)) + " " + inflater.finished() + " " + deflater.getBytesRead() + " " + inflater.getBytesWritten());
        Deflater wrapped = new Deflater();
        wrapped.setDictionary("abc".getBytes());
        wrapped.setInput("abcabcabd".getBytes());
        wrapped.finish();
        length = wrapped.deflate(buffer);
        Inflater asking = new Inflater();
        asking.setInput(buffer, 0, length);
        System.out.println(asking.inflate(result) + " " + asking.needsDictionary() + " " + asking.getAdler());
        asking.setDictionary("abc".getBytes());
        System.out.println(new String(result, 0, asking.inflate(result)) + " " + asking.finished());
        Adler32 adler = new Adler32();
        CRC32C crc32c = new CRC32C();
        adler.update(data, 5, 1000);
        crc32c.update(data);
        System.out.println(adler.getValue() + " " + crc32c.getValue());
        try {
            new ZipFile(Files.writeString(folder.resolve("no.zip"), "this is no zip file").toFile());
        } catch (ZipException e) {
            System.out.println(e.getMessage());
        }
        try (var files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder()).forEach(p -> p.toFile().delete());
        }
        System.out.println(Files.exists(folder));
    }
}
