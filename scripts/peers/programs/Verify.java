import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileReader;
import java.io.InputStream;
import java.security.cert.*;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

// Verify LIST: verifies certificates by PKIX, one a line of LIST, and prints a line for each:
// "ok", or "no" and the reason. A line of LIST has these fields, with a tab between two: how the
// root is trusted, the files of the chain, of the roots and of the revocation lists ("-" for
// none), and the use that the certificate is for.
//
// How the root is trusted is "anchor", which is what a trust store comes to: of a certificate
// that is trusted, Java takes the name and the key, and not its name constraints. Or it is
// "path": the key is trusted, and the root's own certificate is part of the path, so that what
// it limits counts.
class Verify {
    static final CertificateFactory X509;

    static {
        try {
            X509 = CertificateFactory.getInstance("X.509");
        } catch (CertificateException e) {
            throw new IllegalStateException(e);
        }
    }

    public static void main(String[] args) throws Exception {
        try (BufferedReader list = new BufferedReader(new FileReader(args[0]))) {
            for (String line = list.readLine(); line != null; line = list.readLine()) {
                System.out.println(judge(line.split("\t")));
            }
        }
    }

    static String judge(String[] fields) throws Exception {
        List<X509Certificate> chain = certificates(fields[1]);
        if (!chain.get(0).getExtendedKeyUsage().contains(fields[4])) {
            return "no wrong extended key usage";
        }
        String refusal = "";
        for (X509Certificate root : certificates(fields[2])) {
            try {
                validate(chain, root, fields[0].equals("path"), fields[3]);
                return "ok";
            } catch (CertPathValidatorException e) {
                refusal += " " + e.getReason() + ": " + e.getMessage() + ";";
            }
        }
        return "no" + refusal.replace('\n', ' ');
    }

    static void validate(List<X509Certificate> chain, X509Certificate root, boolean inPath, String crl) throws Exception {
        List<X509Certificate> path = new ArrayList<>(chain);
        TrustAnchor anchor = new TrustAnchor(root, null);
        if (inPath) {
            path.add(root);
            anchor = new TrustAnchor(root.getSubjectX500Principal(), root.getPublicKey(), null);
        }
        PKIXParameters params = new PKIXParameters(Set.of(anchor));
        params.setRevocationEnabled(!crl.equals("-"));
        if (!crl.equals("-")) {
            params.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(lists(crl))));
        }
        CertPathValidator.getInstance("PKIX").validate(X509.generateCertPath(path), params);
    }

    static List<X509Certificate> certificates(String file) throws Exception {
        List<X509Certificate> all = new ArrayList<>();
        try (InputStream in = new FileInputStream(file)) {
            for (Certificate certificate : X509.generateCertificates(in)) {
                all.add((X509Certificate) certificate);
            }
        }
        return all;
    }

    static Set<CRL> lists(String file) throws Exception {
        try (InputStream in = new FileInputStream(file)) {
            return new HashSet<>(X509.generateCRLs(in));
        }
    }
}
