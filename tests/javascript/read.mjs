// Reads so many committed records of a topic with kafkajs, and prints each as a line of JSON:
// node read.mjs BOOTSTRAP TOPIC COUNT
import kafkajs from "kafkajs";
import lz4 from "lz4js";

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;
const [, , bootstrap, topic, count] = process.argv;

// kafkajs brings gzip alone: the codec that the contract declares is added by this.
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async ({ buffer }) => Buffer.from(lz4.compress(buffer)),
  decompress: async (buffer) => Buffer.from(lz4.decompress(buffer)),
});

const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: `read-${process.pid}-${Date.now()}` });
const text = (bytes) => (bytes === null ? null : bytes.toString());
let left = Number(count);

await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({
  eachMessage: async ({ partition, message: { offset, key, value, headers } }) => {
    const named = Object.entries(headers).map(([name, bytes]) => [name, text(bytes)]);
    const said = { partition, offset: Number(offset), key: text(key), value: text(value) };
    console.log(JSON.stringify({ ...said, headers: named }));
    left -= 1;
    if (left === 0) consumer.disconnect();
  },
});
