// Compiles every schema of the contract strictly, checks records against them, and reads their
// headers as CloudEvents: node contract.mjs SCHEMAS RECORDS
import { readFileSync, readdirSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { CloudEvent, Kafka } from "cloudevents";

const [, , folder, file] = process.argv;
const read = (path) => JSON.parse(readFileSync(path, "utf8"));
const ajv = formats(new Ajv({ strict: true, allErrors: true }));
const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
const compiled = Object.fromEntries(names.map((name) => [name, ajv.compile(read(`${folder}/${name}`))]));

function check(name, value, where) {
  const valid = compiled[name];
  if (!valid(value)) throw new Error(`${where}: ${ajv.errorsText(valid.errors)}`);
}

// The SDK's `Kafka.toEvent` refuses a record without value: its event is that of its headers.
function event({ key, value, headers }) {
  if (value !== null) return Kafka.toEvent({ key, value, headers });
  const of = Object.entries(headers).filter(([name]) => name.startsWith("ce_"));
  return new CloudEvent(Object.fromEntries(of.map(([name, text]) => [name.slice(3), text])));
}

const counts = { schemas: names.length, changed: 0, forgotten: 0 };
for (const record of read(file)) {
  const { topic, key, value, headers } = record;
  check(`${topic}.headers.json`, headers, key);
  const found = event(record);
  found.validate();
  if (found.id !== headers.ce_id || found.subject !== key) throw new Error(`${key}: ${found}`);
  const gone = found.type.endsWith(".forgotten.v1");
  if (gone !== (value === null)) throw new Error(`${key}: ${found.type}`);
  if (!gone) check(`${topic}.json`, JSON.parse(value), key);
  counts[gone ? "forgotten" : "changed"] += 1;
}
console.log(JSON.stringify(counts));
