import com.sun.net.httpserver.*;
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.nio.charset.StandardCharsets;
import java.security.*;
import java.security.spec.*;
import java.util.*;
import java.util.concurrent.*;
import javax.crypto.*;
import javax.crypto.spec.*;
import javax.net.ssl.*;

/** An HTTPS server and clients with TLS 1.2 and 1.3; cryptography. The first argument is a key store, the second its password. */
public class Secure {
    public static void main(String[] arguments) throws Exception {
        cryptography();
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = new FileInputStream(arguments[0])) {
            store.load(in, arguments[1].toCharArray());
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, arguments[1].toCharArray());
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        HttpsServer server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context));
        ExecutorService pool = Executors.newFixedThreadPool(4);
        server.setExecutor(pool);
        server.createContext("/echo", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            exchange.getResponseHeaders().add("X-Method", exchange.getRequestMethod());
            exchange.sendResponseHeaders(200, 0);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(("echo " + body.length + " ").getBytes());
                out.write(body);
            }
        });
        server.start();
        try {
            int port = server.getAddress().getPort();
            for (String protocol : new String[] {"TLSv1.2", "TLSv1.3"}) raw(context, port, protocol);
            HttpClient client = HttpClient.newBuilder().sslContext(context).build();
            URI uri = URI.create("https://localhost:" + port + "/echo");
            HttpResponse<String> response = client.send(HttpRequest.newBuilder(uri).POST(HttpRequest.BodyPublishers.ofString("hello")).build(), HttpResponse.BodyHandlers.ofString());
            System.out.println(response.statusCode() + " " + response.body() + " " + response.headers().firstValue("X-Method") + " " + response.version() + " " + response.sslSession().get().getProtocol());
            List<CompletableFuture<HttpResponse<byte[]>>> many = new ArrayList<>();
            for (int i = 0; i < 10; i++) many.add(client.sendAsync(HttpRequest.newBuilder(uri).PUT(HttpRequest.BodyPublishers.ofByteArray(new byte[i * 20_000])).build(), HttpResponse.BodyHandlers.ofByteArray()));
            for (CompletableFuture<HttpResponse<byte[]>> f : many) System.out.print(f.get().body().length + " ");
            System.out.println(client.send(HttpRequest.newBuilder(uri.resolve("/none")).build(), HttpResponse.BodyHandlers.discarding()).statusCode());
            HttpsURLConnection connection = (HttpsURLConnection) uri.toURL().openConnection();
            connection.setSSLSocketFactory(context.getSocketFactory());
            System.out.println(new String(connection.getInputStream().readAllBytes()) + connection.getResponseCode());
            try {
                HttpClient.newHttpClient().send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
            } catch (SSLHandshakeException e) {
                System.out.println(e.getMessage());
            }
        } finally {
            server.stop(0);
            pool.shutdownNow();
        }
    }

    static void raw(SSLContext context, int port, String protocol) throws IOException {
        try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket("localhost", port)) {
            socket.setEnabledProtocols(new String[] {protocol});
            socket.startHandshake();
            System.out.println(socket.getSession().getProtocol() + " " + socket.getSession().getCipherSuite() + " " + socket.getSession().getPeerPrincipal());
            socket.getOutputStream().write("GET /echo HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            System.out.println(new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine());
        }
    }

    static void cryptography() throws Exception {
        byte[] data = "The quick brown fox".repeat(50).getBytes();
        HexFormat hex = HexFormat.of();
        for (String name : new String[] {"MD5", "SHA-1", "SHA-256", "SHA-512", "SHA3-256"}) System.out.println(name + " " + hex.formatHex(MessageDigest.getInstance(name).digest(data)));
        SecretKeySpec key = new SecretKeySpec(Arrays.copyOf("0123456789abcdef".getBytes(), 16), "AES");
        for (String mode : new String[] {"AES/CBC/PKCS5Padding", "AES/CTR/NoPadding", "AES/GCM/NoPadding", "AES/ECB/PKCS5Padding"}) {
            AlgorithmParameterSpec parameters = mode.contains("ECB") ? null : mode.contains("GCM") ? new GCMParameterSpec(128, new byte[12]) : new IvParameterSpec(new byte[16]);
            Cipher cipher = Cipher.getInstance(mode);
            cipher.init(Cipher.ENCRYPT_MODE, key, parameters);
            byte[] secret = cipher.doFinal(data);
            cipher.init(Cipher.DECRYPT_MODE, key, parameters);
            System.out.println(mode + " " + secret.length + " " + Arrays.hashCode(secret) + " " + Arrays.equals(data, cipher.doFinal(secret)));
        }
        Cipher chacha = Cipher.getInstance("ChaCha20-Poly1305");
        chacha.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(new byte[32], "ChaCha20"), new IvParameterSpec(new byte[12]));
        System.out.println(Arrays.hashCode(chacha.doFinal(data)));
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(key);
        System.out.println(hex.formatHex(mac.doFinal(data)));
        System.out.println(hex.formatHex(SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256").generateSecret(new PBEKeySpec("password".toCharArray(), "salt".getBytes(), 1000, 256)).getEncoded()));
        for (String name : new String[] {"RSA", "EC", "Ed25519"}) {
            KeyPairGenerator generator = KeyPairGenerator.getInstance(name);
            if (name.equals("RSA")) generator.initialize(2048);
            KeyPair pair = generator.generateKeyPair();
            Signature signature = Signature.getInstance(name.equals("Ed25519") ? name : "SHA256with" + (name.equals("EC") ? "ECDSA" : name));
            signature.initSign(pair.getPrivate());
            signature.update(data);
            byte[] signed = signature.sign();
            signature.initVerify(pair.getPublic());
            signature.update(data);
            boolean right = signature.verify(signed);
            signature.update(new byte[1]);
            System.out.println(name + " " + pair.getPublic().getFormat() + " " + right + " " + signature.verify(signed));
        }
        KeyAgreement agreement = KeyAgreement.getInstance("X25519");
        KeyPair one = KeyPairGenerator.getInstance("X25519").generateKeyPair(), two = KeyPairGenerator.getInstance("X25519").generateKeyPair();
        agreement.init(one.getPrivate());
        agreement.doPhase(two.getPublic(), true);
        System.out.println(agreement.generateSecret().length + " " + SecureRandom.getInstance("SHA1PRNG").getAlgorithm());
    }
}
