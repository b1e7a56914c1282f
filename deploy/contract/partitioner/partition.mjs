// Partition of a subject in `interest-profiles` and `offers`: that of its account, by the Java
// client's murmur2. With kafkajs or any other client: partitionOf("acc-1/m-2", 12).

export function murmur2(bytes) {
  const m = 0x5bd1e995;
  let h = (0x9747b28c ^ bytes.length) | 0;
  const whole = bytes.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    k = Math.imul(k, m);
    h = Math.imul(h, m) ^ Math.imul(k ^ (k >>> 24), m);
  }
  if (whole < bytes.length) {
    for (let i = bytes.length - 1; i >= whole; i--) h ^= bytes[i] << (8 * (i - whole));
    h = Math.imul(h, m);
  }
  h = Math.imul(h ^ (h >>> 13), m);
  return h ^ (h >>> 15);
}

export function partitionOf(subject, partitions) {
  const account = new TextEncoder().encode(subject.split("/", 1)[0]);
  return (murmur2(account) & 0x7fffffff) % partitions;
}
