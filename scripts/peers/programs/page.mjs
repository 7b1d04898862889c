// Serve a page over mutual TLS, to browsers, and say who has seen it.
// node page.mjs PORT CA CERT KEY
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [port, ca, cert, key] = process.argv.slice(2);
// That it was shown, and not only fetched, the page says itself.
const page = `<!DOCTYPE html>
<title>tlsdemo</title>
<p id="text">
<script>
document.getElementById('text').textContent = ['Hello', 'world!'].join(' ');
fetch('/shown');
</script>
`;

function answer(request, response) {
  const client = request.socket.getPeerCertificate().subjectaltname;
  if (request.url === '/shown') console.log(`Shown to ${client}`);
  response.setHeader('Content-Type', 'text/html');
  response.end(request.url === '/' ? page : '');
}

// Of a client that it refuses, Node says no more than that it hung up. Chromium does that
// of itself: it connects beforehand, and again when it is asked for a certificate.
function complain(err, socket) {
  if (socket.authorizationError) console.error(`Failed: ${socket.authorizationError}`);
  else if (err.code !== 'ECONNRESET') console.error(`Failed: ${err.message}`);
}

const server = createServer({
  ca: readFileSync(ca),
  cert: readFileSync(cert),
  key: readFileSync(key),
  requestCert: true,
  rejectUnauthorized: true,
}, answer);
server.on('tlsClientError', complain);
server.listen(Number(port), '127.0.0.1', () => console.log('Listening'));
