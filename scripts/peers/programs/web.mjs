// Ask for / over HTTP, and print the answer.
// node web.mjs https|fetch PORT CA [CERT KEY]
// fetch is Node's own; the certificate is for it to have from an agent of undici, which is
// what Node's fetch is made of.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { createRequire } from 'node:module';

const [kind, port, ca, cert, key] = process.argv.slice(2);
const url = `https://localhost:${port}/`;
const tls = { ca: readFileSync(ca), ...(cert && { cert: readFileSync(cert), key: readFileSync(key) }) };

function get() {
  return new Promise((resolve, reject) => {
    request(url, tls, (answer) => {
      let text = '';
      answer.on('data', (piece) => { text += piece; });
      answer.on('end', () => resolve(text));
    }).on('error', reject).end();
  });
}

async function fetched() {
  const { Agent } = createRequire(import.meta.url)('undici') // where NODE_PATH says;
  const dispatcher = new Agent({ connect: tls });
  const answer = await fetch(url, { dispatcher });
  const text = await answer.text();
  await dispatcher.close();
  return text;
}

try {
  console.log(await (kind === 'https' ? get() : fetched()));
} catch (err) {
  console.error(err.cause?.message ?? err.message);
  process.exitCode = 1;
}
