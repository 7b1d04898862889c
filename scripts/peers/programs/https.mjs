// Answer every request with Hello world!, over mutual TLS.
// node https.mjs PORT CA CERT KEY 1.1|2.0
import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { createServer } from 'node:https';

const [port, ca, cert, key, version] = process.argv.slice(2);
const create = version === '2.0' ? createSecureServer : createServer;
const server = create({
  cert: readFileSync(cert),
  key: readFileSync(key),
  ca: readFileSync(ca),
  requestCert: true,
  rejectUnauthorized: true,
}, (request, response) => {
  let body = '';
  request.on('data', (data) => { body += data; });
  request.on('end', () => {
    console.log(`Client ${request.socket.getPeerCertificate().subjectaltname}`);
    console.log(`${request.method} HTTP/${request.httpVersion}: ${body}`);
    response.end('Hello world!');
  });
});
server.on('tlsClientError', (err) => console.error(err.message));
server.listen(Number(port), '127.0.0.1', () => console.log('Listening'));
