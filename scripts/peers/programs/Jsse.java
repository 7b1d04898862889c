import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/**
 * Either end of the exchange, over mutual TLS.
 *
 * <pre>java Jsse client PORT CA MESSAGE [P12 PASSWORD]
 * java Jsse http PORT CA [P12 PASSWORD]
 * java Jsse server PORT CA P12 PASSWORD</pre>
 */
class Jsse {
    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(args[1]);
        if (args[0].equals("client")) {
            send(context(args[2], Arrays.copyOfRange(args, 4, args.length)), port, args[3]);
        } else if (args[0].equals("http")) {
            ask(context(args[2], Arrays.copyOfRange(args, 3, args.length)), port);
        } else {
            listen(context(args[2], args[3], args[4]), port);
        }
    }

    static void send(SSLContext context, int port, String message) throws IOException {
        try (var socket = (SSLSocket) context.getSocketFactory().createSocket("localhost", port)) {
            checkName(socket);
            socket.getOutputStream().write(message.getBytes());
            System.out.println("Received " + new String(socket.getInputStream().readAllBytes()));
        }
    }

    static void ask(SSLContext context, int port) throws Exception {
        var client = HttpClient.newBuilder().sslContext(context).build();
        var request = HttpRequest.newBuilder(URI.create("https://localhost:" + port + "/")).build();
        System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
    }

    /** Without it an SSLSocket verifies the chain and not the name. */
    static void checkName(SSLSocket socket) {
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
    }

    static void listen(SSLContext context, int port) throws IOException {
        var loopback = InetAddress.getByName("127.0.0.1");
        try (var server = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(port, 5, loopback)) {
            server.setNeedClientAuth(true);
            System.out.println("Listening");
            while (true) {
                answer((SSLSocket) server.accept());
            }
        }
    }

    static void answer(SSLSocket client) {
        try (client) {
            System.out.println("Client " + client.getSession().getPeerPrincipal());
            byte[] message = new byte[1024];
            int n = client.getInputStream().read(message);
            System.out.println("Received " + new String(message, 0, n));
            client.getOutputStream().write("Hello world!".getBytes());
        } catch (IOException e) {
            System.err.println(e.getMessage());
        }
    }

    static SSLContext context(String ca, String... identity) throws Exception {
        var context = SSLContext.getInstance("TLS");
        context.init(identity.length == 0 ? null : keys(identity[0], identity[1]), trust(ca), null);
        return context;
    }

    static KeyManager[] keys(String p12, String password) throws Exception {
        var keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(KeyStore.getInstance(new File(p12), password.toCharArray()), password.toCharArray());
        return keys.getKeyManagers();
    }

    static TrustManager[] trust(String ca) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (var pem = new FileInputStream(ca)) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        var trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(store);
        return trust.getTrustManagers();
    }
}
