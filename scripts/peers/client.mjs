// Send a message over mutual TLS and print the answer.
// node client.mjs PORT CERT KEY CA MESSAGE
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';

const [port, cert, key, ca, message] = process.argv.slice(2);
const socket = connect({
  host: '127.0.0.1',
  port: Number(port),
  servername: 'localhost',
  cert: readFileSync(cert),
  key: readFileSync(key),
  ca: readFileSync(ca),
});
socket.on('secureConnect', () => socket.write(message));
socket.on('data', (answer) => console.log(`Received ${answer}`));
socket.on('error', (err) => {
  console.error(err.message);
  process.exitCode = 1;
});
