// Answer every message with Hello world!, over mutual TLS.
// node server.mjs PORT CA CERT KEY
import { readFileSync } from 'node:fs';
import { createServer } from 'node:tls';

const [port, ca, cert, key] = process.argv.slice(2);
const server = createServer({
  cert: readFileSync(cert),
  key: readFileSync(key),
  ca: readFileSync(ca),
  requestCert: true,
  rejectUnauthorized: true,
});
server.on('secureConnection', (socket) => {
  console.log(`Client ${socket.getPeerCertificate().subjectaltname}`);
  socket.once('data', (message) => {
    console.log(`Received ${message}`);
    socket.end('Hello world!');
  });
  socket.on('error', (err) => console.error(err.message));
});
server.on('tlsClientError', (err) => console.error(err.message));
server.listen(Number(port), '127.0.0.1', () => console.log('Listening'));
