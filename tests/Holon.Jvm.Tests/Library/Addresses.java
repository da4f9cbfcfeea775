import java.io.IOException;
import java.net.*;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.*;

/** Addresses of both versions, sockets that serve both, network interfaces, multicast. */
public class Addresses {
    static void say(Object o) {
        System.out.println(o);
    }

    static void names() throws Exception {
        for (String text : new String[] {"127.0.0.1", "::1", "::ffff:10.1.2.3", "fe80::1%1", "2001:db8::8:800:200c:417a", "localhost"}) {
            for (InetAddress a : InetAddress.getAllByName(text)) say(text + " is " + a + " " + a.getClass().getSimpleName() + " " + a.isLoopbackAddress() + a.isLinkLocalAddress() + a.isAnyLocalAddress());
        }
        say(InetAddress.getLoopbackAddress() + " " + new InetSocketAddress(0).getAddress());
        try {
            InetAddress.getByName("no.such.host.invalid");
        } catch (UnknownHostException e) {
            say(e.getMessage());
        }
    }

    static void streams(String listenAt, String connectTo) throws Exception {
        try (ServerSocket server = listenAt == null ? new ServerSocket(0) : new ServerSocket(0, 5, InetAddress.getByName(listenAt))) {
            try (Socket client = new Socket(connectTo, server.getLocalPort()); Socket accepted = server.accept()) {
                client.getOutputStream().write("hello".getBytes());
                client.shutdownOutput();
                say(server.getInetAddress() + " " + new String(accepted.getInputStream().readAllBytes()) + " " + client.getLocalAddress() + " " + client.getInetAddress() + " " + accepted.getLocalAddress() + " " + accepted.getInetAddress());
                client.setTrafficClass(8);
                say(client.getTrafficClass() + " " + client.getKeepAlive());
            }
        } catch (IOException e) {
            say(listenAt + " from " + connectTo + ": " + e);
        }
    }

    static void channels(StandardProtocolFamily family, String address) throws Exception {
        try (ServerSocketChannel server = ServerSocketChannel.open(family); SocketChannel client = SocketChannel.open(family)) {
            server.bind(new InetSocketAddress(address, 0));
            client.connect(server.getLocalAddress());
            say(family + " " + ((InetSocketAddress) client.getRemoteAddress()).getAddress() + " " + ((InetSocketAddress) server.accept().getRemoteAddress()).getAddress());
        } catch (Exception e) {
            say(family + " " + address + ": " + e);
        }
    }

    static void datagrams(String address) throws Exception {
        try (DatagramSocket to = new DatagramSocket(0, InetAddress.getByName(address)); DatagramSocket from = new DatagramSocket()) {
            from.send(new DatagramPacket("udp".getBytes(), 3, to.getLocalSocketAddress()));
            DatagramPacket got = new DatagramPacket(new byte[10], 10);
            to.receive(got);
            say(new String(got.getData(), 0, got.getLength()) + " from " + got.getAddress());
            from.connect(to.getLocalSocketAddress());
            say(from.getInetAddress());
            from.disconnect();
            say(from.getInetAddress());
        }
    }

    static void group(String group, StandardProtocolFamily family) throws Exception {
        NetworkInterface lo = NetworkInterface.getByName("lo");
        try (DatagramChannel to = DatagramChannel.open(family); DatagramChannel from = DatagramChannel.open(family)) {
            to.setOption(StandardSocketOptions.SO_REUSEADDR, true).bind(new InetSocketAddress(0));
            say(to.join(InetAddress.getByName(group), lo).isValid());
            from.setOption(StandardSocketOptions.IP_MULTICAST_IF, lo);
            say(from.getOption(StandardSocketOptions.IP_MULTICAST_IF).getName() + " " + from.getOption(StandardSocketOptions.IP_MULTICAST_TTL) + " " + from.getOption(StandardSocketOptions.IP_MULTICAST_LOOP));
            from.send(ByteBuffer.wrap("to all".getBytes()), new InetSocketAddress(InetAddress.getByName(group), ((InetSocketAddress) to.getLocalAddress()).getPort()));
            ByteBuffer got = ByteBuffer.allocate(10);
            to.receive(got);
            say(new String(got.array(), 0, got.position()));
        } catch (Exception e) {
            say(group + ": " + e);
        }
    }

    static void interfaces() throws Exception {
        for (NetworkInterface i : Collections.list(NetworkInterface.getNetworkInterfaces())) {
            say(i + " " + i.getIndex() + " up " + i.isUp() + " loopback " + i.isLoopback() + " multicast " + i.supportsMulticast() + " " + i.isPointToPoint() + i.isVirtual() + " mtu " + i.getMTU() + " mac " + Arrays.toString(i.getHardwareAddress()));
            List<String> all = new ArrayList<>();
            for (InterfaceAddress a : i.getInterfaceAddresses()) all.add(a.toString());
            Collections.sort(all);
            say(all);
        }
        say(NetworkInterface.getByInetAddress(InetAddress.getByName("127.0.0.1")));
        say(NetworkInterface.getByName("none") + " " + NetworkInterface.getByIndex(1));
    }

    public static void main(String[] arguments) throws Exception {
        names();
        streams(null, "127.0.0.1");
        streams(null, "::1");
        streams("::1", "::1");
        streams("127.0.0.1", "127.0.0.1");
        streams("127.0.0.1", "::1");
        channels(StandardProtocolFamily.INET, "127.0.0.1");
        channels(StandardProtocolFamily.INET6, "::1");
        channels(StandardProtocolFamily.INET6, "127.0.0.1");
        channels(StandardProtocolFamily.INET, "::1");
        datagrams("127.0.0.1");
        datagrams("::1");
        interfaces();
        group("239.1.2.3", StandardProtocolFamily.INET);
        group("ff02::1234", StandardProtocolFamily.INET6);
    }
}
