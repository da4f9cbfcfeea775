import com.sun.net.httpserver.HttpServer;
import java.net.ConnectException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

/** HTTP server and clients, datagrams, selectors, time limits and refusals, all over the loopback interface. */
public class Network {
    static void http() throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/", exchange -> {
            byte[] answer = ("you asked " + exchange.getRequestURI()).getBytes();
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.start();
        String base = "http://127.0.0.1:" + server.getAddress().getPort();
        System.out.println(new String(new URL(base + "/old").openStream().readAllBytes()));
        HttpClient client = HttpClient.newHttpClient();
        for (int i = 0; i < 3; i++) {
            HttpResponse<String> r = client.send(HttpRequest.newBuilder(URI.create(base + "/new?" + i)).build(), HttpResponse.BodyHandlers.ofString());
            System.out.println(r.statusCode() + " " + r.body() + " " + r.version());
        }
        server.stop(0);
    }

    static void datagrams() throws Exception {
        try (DatagramSocket to = new DatagramSocket(0, InetAddress.getByName("127.0.0.1")); DatagramSocket from = new DatagramSocket()) {
            from.send(new DatagramPacket("udp".getBytes(), 3, to.getLocalSocketAddress()));
            DatagramPacket got = new DatagramPacket(new byte[10], 10);
            to.receive(got);
            System.out.println(new String(got.getData(), 0, got.getLength()) + " " + got.getAddress());
        }
    }

    static void channels() throws Exception {
        Selector selector = Selector.open();
        ServerSocketChannel server = ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0));
        server.configureBlocking(false);
        server.register(selector, SelectionKey.OP_ACCEPT);
        SocketChannel client = SocketChannel.open(server.getLocalAddress());
        System.out.println(selector.select());
        SocketChannel accepted = server.accept();
        client.write(ByteBuffer.wrap("nio".getBytes()));
        ByteBuffer buffer = ByteBuffer.allocate(9);
        accepted.read(buffer);
        System.out.println(new String(buffer.array(), 0, buffer.position()));
        Socket silent = new Socket("127.0.0.1", ((InetSocketAddress) server.getLocalAddress()).getPort());
        silent.setSoTimeout(100);
        try {
            silent.getInputStream().read();
        } catch (SocketTimeoutException e) {
            System.out.println(e.getMessage());
        }
    }

    public static void main(String[] args) throws Exception {
        http();
        datagrams();
        channels();
        ServerSocket closing = new ServerSocket(0);
        new Thread(() -> {
            try {
                Thread.sleep(200);
                closing.close();
            } catch (Exception e) {
                e.printStackTrace();
            }
        }).start();
        try {
            closing.accept();
        } catch (SocketException e) {
            System.out.println(e.getMessage());
        }
        try {
            new Socket("127.0.0.1", 1);
        } catch (ConnectException e) {
            System.out.println(e.getMessage());
        }
        System.exit(0);
    }
}
