import java.io.FileInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/**
 * Either end of the exchange over mutual TLS, on purpose not always as it should be.
 *
 * <pre>java Failures client|server PORT CA [cert=FILE key=FILE] [NAME=VALUE]...</pre>
 *
 * tls=1.2|1.3, ciphers=NAME, group=NAME, alpn=NAME, signatures=LIST, and conduct=mute (says nothing), mum
 * (closes at once) or leave (the same, as a client).
 */
class Failures {
    static final char[] NO_PASSWORD = {};
    static final Map<String, String> options = new HashMap<>();

    public static void main(String[] args) throws Exception {
        for (int i = 3; i < args.length; i++) {
            String[] option = args[i].split("=", 2);
            options.put(option[0], option[1]);
        }
        if (options.containsKey("group")) {
            System.setProperty("jdk.tls.namedGroups", options.get("group"));
        }
        if (options.containsKey("signatures")) {
            System.setProperty("jdk.tls.client.SignatureSchemes", options.get("signatures"));
            System.setProperty("jdk.tls.server.SignatureSchemes", options.get("signatures"));
        }
        int port = Integer.parseInt(args[1]);
        if (args[0].equals("client")) {
            send(context(args[2]), port);
        } else {
            listen(context(args[2]), port);
        }
    }

    static boolean conduct(String name) {
        return name.equals(options.get("conduct"));
    }

    static void send(SSLContext context, int port) throws IOException, InterruptedException {
        try (var socket = (SSLSocket) context.getSocketFactory().createSocket("localhost", port)) {
            SSLParameters parameters = parameters(socket.getSSLParameters());
            // Without it an SSLSocket verifies the chain and not the name.
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            if (conduct("leave")) {
                return;
            }
            if (!conduct("mute")) {
                socket.getOutputStream().write("Good morning!".getBytes());
            }
            System.out.println("Received " + new String(socket.getInputStream().readAllBytes()));
        }
    }

    static void listen(SSLContext context, int port) throws IOException {
        var loopback = InetAddress.getByName("127.0.0.1");
        try (var server = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(port, 5, loopback)) {
            SSLParameters parameters = parameters(server.getSSLParameters());
            parameters.setNeedClientAuth(true);
            server.setSSLParameters(parameters);
            System.out.println("Listening");
            while (true) {
                answer((SSLSocket) server.accept());
            }
        }
    }

    static void answer(SSLSocket client) {
        try (client) {
            client.startHandshake();
            if (conduct("mum")) {
                return;
            }
            byte[] message = new byte[1024];
            for (int n; (n = client.getInputStream().read(message)) > 0; ) {
                System.out.println("Received " + new String(message, 0, n));
                if (!conduct("mute")) {
                    OutputStream out = client.getOutputStream();
                    out.write("Hello world!".getBytes());
                    return;
                }
            }
        } catch (IOException e) {
            System.err.println(e.getMessage());
        }
    }

    static SSLParameters parameters(SSLParameters parameters) {
        if (options.containsKey("tls")) {
            parameters.setProtocols(new String[] {"TLSv" + options.get("tls")});
        }
        if (options.containsKey("ciphers")) {
            parameters.setCipherSuites(new String[] {options.get("ciphers")});
        }
        if (options.containsKey("alpn")) {
            parameters.setApplicationProtocols(new String[] {options.get("alpn")});
        }
        return parameters;
    }

    static SSLContext context(String ca) throws GeneralSecurityException, IOException {
        KeyStore trusted = store();
        int n = 0;
        for (Certificate cert : certificates(ca)) {
            trusted.setCertificateEntry("ca" + n++, cert);
        }
        var trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(trusted);
        KeyStore own = store();
        if (options.containsKey("cert")) {
            Certificate[] chain = certificates(options.get("cert"));
            own.setKeyEntry("own", key(options.get("key"), chain[0].getPublicKey().getAlgorithm()), NO_PASSWORD, chain);
        }
        var keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(own, NO_PASSWORD);
        var context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    static KeyStore store() throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        return store;
    }

    static Certificate[] certificates(String file) throws GeneralSecurityException, IOException {
        try (var pem = new FileInputStream(file)) {
            return CertificateFactory.getInstance("X.509").generateCertificates(pem).toArray(new Certificate[0]);
        }
    }

    static PrivateKey key(String file, String algorithm) throws GeneralSecurityException, IOException {
        String pem = Files.readString(Path.of(file)).replaceAll("-----[A-Z ]+-----", "");
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(pem)));
    }
}
