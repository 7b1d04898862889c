// Send a message over mutual TLS and print the answer.
// node client.mjs PORT CA MESSAGE [CERT KEY]
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';

const [port, ca, message, cert, key] = process.argv.slice(2);
const socket = connect({
  host: '127.0.0.1',
  port: Number(port),
  servername: 'localhost',
  ca: readFileSync(ca),
  ...(cert && { cert: readFileSync(cert), key: readFileSync(key) }),
});
socket.on('secureConnect', () => socket.write(message));
socket.on('data', (answer) => console.log(`Received ${answer}`));
socket.on('error', (err) => {
  console.error(err.message);
  process.exitCode = 1;
});
