import java.io.*;
import java.net.*;
import java.nio.charset.Charset;
import java.nio.file.*;
import java.nio.file.spi.FileSystemProvider;
import java.util.*;
import java.util.logging.*;
import java.util.prefs.*;
import java.util.spi.ToolProvider;
import javax.xml.parsers.*;

/** ServiceLoader, from the class path and from modules; logging, properties, XML. */
public class Services {
    public interface Greeter {
        String greet();
    }

    public static class First implements Greeter {
        @Override
        public String greet() {
            return "first";
        }
    }

    public static class Second implements Greeter {
        @Override
        public String greet() {
            return "second";
        }
    }

    public static class Failing implements Greeter {
        public Failing() {
            throw new IllegalStateException("never");
        }

        @Override
        public String greet() {
            return "";
        }
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = Files.createTempDirectory("services");
        Path file = folder.resolve("META-INF/services/Services$Greeter");
        Files.createDirectories(file.getParent());
        Files.writeString(file, "# a comment\nServices$First\nServices$Failing\n\nServices$Second # another\nNoSuchClass\njava.lang.String\n");
        try (URLClassLoader loader = new URLClassLoader(new URL[] {folder.toUri().toURL()}, Services.class.getClassLoader())) {
            Iterator<Greeter> all = ServiceLoader.load(Greeter.class, loader).iterator();
            for (int i = 0; i < 6; i++) {
                try {
                    if (!all.hasNext()) break;
                    System.out.println(all.next().greet());
                } catch (ServiceConfigurationError e) {
                    System.out.println(e.getMessage() + " / " + e.getCause());
                }
            }
            System.out.println(ServiceLoader.load(Greeter.class, loader).stream().limit(1).map(p -> p.type().getName()).toList() + " " + ServiceLoader.load(Runnable.class).findFirst());
        }
        System.out.println(ServiceLoader.load(ToolProvider.class, ClassLoader.getSystemClassLoader()).stream().map(p -> p.get().name()).sorted().toList());
        System.out.println(FileSystemProvider.installedProviders().stream().map(FileSystemProvider::getScheme).toList() + " " + Charset.isSupported("Shift_JIS") + " " + new String("日本".getBytes("EUC-JP"), "EUC-JP") + " " + Charset.forName("IBM500").aliases().size());
        Logger logger = Logger.getLogger("a.b");
        logger.setUseParentHandlers(false);
        logger.addHandler(new StreamHandler(System.out, new java.util.logging.Formatter() {
            @Override
            public String format(LogRecord r) {
                return r.getLevel() + " " + r.getLoggerName() + " " + formatMessage(r) + (r.getThrown() == null ? "" : " " + r.getThrown()) + "\n";
            }
        }));
        logger.log(Level.WARNING, "number {0} of {1}", new Object[] {1, 2});
        logger.fine("not shown");
        logger.log(Level.SEVERE, "thrown", new IOException("x"));
        logger.getHandlers()[0].flush();
        Properties properties = new Properties();
        properties.load(new StringReader("a=1\nb : two \\\n   lines\n! comment\n\\u0041key=\\t\nempty\n"));
        System.out.println(new TreeMap<>(properties));
        var document = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new ByteArrayInputStream("<?xml version='1.0'?><r a='1'><x>text &amp; <![CDATA[<raw>]]></x><!-- c --><y/></r>".getBytes()));
        System.out.println(document.getDocumentElement().getAttribute("a") + document.getElementsByTagName("x").item(0).getTextContent() + document.getDocumentElement().getChildNodes().getLength());
        var transformer = javax.xml.transform.TransformerFactory.newInstance().newTransformer();
        StringWriter xml = new StringWriter();
        transformer.transform(new javax.xml.transform.dom.DOMSource(document), new javax.xml.transform.stream.StreamResult(xml));
        System.out.println(xml);
        System.out.println(javax.xml.xpath.XPathFactory.newInstance().newXPath().evaluate("count(//*) + string-length(/r/x)", document));
        try {
            DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new ByteArrayInputStream("<a><b></a>".getBytes()));
        } catch (org.xml.sax.SAXParseException e) {
            System.out.println(e.getLineNumber() + " " + e.getMessage());
        }
        System.out.println(ModuleLayer.boot().findModule("java.sql").isPresent() + " " + Services.class.getModule().isNamed() + " " + String.class.getModule() + " " + Object.class.getModule().getDescriptor().exports().size());
        System.out.println(java.security.MessageDigest.getInstance("SHA-256").digest("x".getBytes())[0] + " " + Arrays.stream(java.security.Security.getProviders()).map(java.security.Provider::getName).toList());
        try (var files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder()).forEach(p -> p.toFile().delete());
        }
    }
}
