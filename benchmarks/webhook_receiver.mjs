// A receiver of webhooks that verifies each request, and writes a line for each event before it answers:
// webhook-id, id, subject and sequence. Arguments: port, file of the secret, file of the lines, faults or calm.
// With faults, some requests are refused, others get no answer. SIGUSR2 makes it slow, and fast again.
import { createServer } from "node:http";
import { openSync, readFileSync, writeSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const [port, secret, lines, mode] = process.argv.slice(2);
const webhook = new Webhook(readFileSync(secret, "utf8"));
const file = openSync(lines, "a");
const share = (percent) => mode === "faults" && Math.random() * 100 < percent;
let slow = false;
process.on("SIGUSR2", () => (slow = !slow));

createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => setTimeout(() => take(request, response, Buffer.concat(parts)), slow ? Math.random() * 2000 : 0));
}).listen(Number(port), "127.0.0.1");

function take(request, response, body) {
  if (share(1)) return response.writeHead(500).end();
  const payload = webhook.verify(body, request.headers);
  const events = Array.isArray(payload) ? payload : [payload];
  const id = request.headers["webhook-id"];
  writeSync(file, events.map((one) => `${id}\t${one.id}\t${one.subject}\t${one.sequence}\n`).join(""));
  if (share(1)) return response.destroy();
  response.writeHead(204).end();
}
