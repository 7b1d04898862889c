// Either end of the exchange over mutual TLS, on purpose not always as it should be.
// node failures.mjs client|server PORT CA [cert=FILE key=FILE] [NAME=VALUE]...
//
// tls=1.2|1.3, lax=yes (takes any certificate), ciphers=LIST, group=NAME, alpn=NAME, crl=FILE,
// signatures=LIST, and conduct=mute (says nothing), mum (closes at once), leave (the same, as a client) or http (without TLS).
import { readFileSync } from 'node:fs';
import { createServer as createHTTP } from 'node:http';
import { connect, createServer } from 'node:tls';

const [role, port, ca, ...words] = process.argv.slice(2);
const given = Object.fromEntries(words.map((word) => word.split(/=(.*)/s, 2)));
const file = (name) => name && readFileSync(name);
const options = {
  host: '127.0.0.1',
  port: Number(port),
  servername: 'localhost',
  ca: file(ca),
  cert: file(given.cert),
  key: file(given.key),
  crl: file(given.crl),
  requestCert: true,
  rejectUnauthorized: given.lax !== 'yes',
  ...(given.tls && { minVersion: `TLSv${given.tls}`, maxVersion: `TLSv${given.tls}` }),
  ...(given.ciphers && { ciphers: given.ciphers }),
  ...(given.group && { ecdhCurve: given.group }),
  ...(given.signatures && { sigalgs: given.signatures }),
  ...(given.alpn && { ALPNProtocols: [given.alpn] }),
};

function answer(socket) {
  socket.on('error', (err) => console.error(err.message));
  if (given.conduct === 'mum') {
    socket.end();
    return;
  }
  socket.on('data', (message) => {
    console.log(`Received ${message}`);
    if (given.conduct !== 'mute') socket.end('Hello world!');
  });
}

function serve() {
  const server = given.conduct === 'http' ? createHTTP() : createServer(options, answer);
  server.on('tlsClientError', (err) => console.error(err.message));
  server.listen(options.port, options.host, () => console.log('Listening'));
}

function send() {
  const socket = connect(options, () => {
    if (given.conduct === 'leave') socket.end();
    else if (given.conduct !== 'mute') socket.write('Good morning!');
  });
  socket.on('data', (message) => console.log(`Received ${message}`));
  socket.on('error', (err) => {
    console.error(err.message);
    process.exitCode = 1;
  });
}

(role === 'server' ? serve : send)();
