import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams, exactly_once_v2. Profiles are coalesced: those that changed are written every
 * half second; the store's cache coalesces the changelog per commit.
 */
public final class KafkaStreamsPeer {
  public static void main(String[] args) {
    String bootstrap = args[0], group = args[1], tags = args[3], out = args[4];
    Properties p = new Properties();
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, group);
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 500);
    p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
    p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
    p.put(StreamsConfig.STATE_DIR_CONFIG, args[5]);
    p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    p.put("consumer.auto.offset.reset", "earliest");
    p.put("consumer.max.poll.records", 10_000);
    p.put("consumer.fetch.max.bytes", 16_777_216);
    p.put("consumer.max.partition.fetch.bytes", 4_194_304);
    p.put("producer.linger.ms", 20);
    p.put("producer.batch.size", 1_000_000);
    p.put("producer.compression.type", "lz4");
    for (String more : Arrays.asList(args).subList(6, args.length)) {
      p.put(more.substring(0, more.indexOf('=')), more.substring(more.indexOf('=') + 1));
    }
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(Stores.keyValueStoreBuilder(
        Stores.inMemoryKeyValueStore("subjects"), Serdes.String(), Serdes.ByteArray())
        .withCachingEnabled().withLoggingEnabled(Map.of()));
    KStream<byte[], byte[]> events = builder.stream(
        Arrays.asList(args[2].split(",")), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()));
    events.process(() -> new Fold(tags), "subjects")
        .to(out, Produced.with(Serdes.String(), Serdes.ByteArray()));
    KafkaStreams streams = new KafkaStreams(builder.build(), p);
    // Who is asked to end commits first and closes its tasks then: what they publish is too late.
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      Work.awaitPublished();
      streams.close(Duration.ofSeconds(20));
    }));
    streams.start();
  }

  /** Events of accounts to profiles of subjects. */
  static final class Fold implements Processor<byte[], byte[], String, byte[]> {
    private final Work work;
    private final LinkedHashSet<String> changed = new LinkedHashSet<>();
    private KeyValueStore<String, byte[]> store;
    private ProcessorContext<String, byte[]> context;

    Fold(String tags) {
      try {
        this.work = new Work(tags);
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }

    @Override
    public void init(ProcessorContext<String, byte[]> context) {
      this.context = context;
      this.store = context.getStateStore("subjects");
      context.schedule(Duration.ofMillis(500), PunctuationType.WALL_CLOCK_TIME, t -> publish());
    }

    @Override
    public void close() {
      publish();
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      Work.begin();
      try {
        Work.Event event = work.event(record.value());
        if (event == null) return;
        byte[] held = store.get(event.subject);
        Work.Subject s = held == null ? new Work.Subject() : Work.Subject.read(held);
        work.count(s, event);
        store.put(event.subject, s.write());
        if (changed.add(event.subject)) Work.due(1);
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }

    private void publish() {
      for (String key : changed) {
        Work.Subject s = Work.Subject.read(store.get(key));
        context.forward(new Record<>(key, work.profile(key, s), s.asOf));
      }
      Work.due(-changed.size());
      changed.clear();
    }
  }
}
