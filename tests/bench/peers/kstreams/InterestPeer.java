import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
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
 * Kafka Streams, exactly_once_v2: the same levels and profiles, with a logistic model by
 * FTRL-proximal written out here instead of River. Profiles are coalesced: those that changed are
 * written every half second; the store's cache coalesces the changelog per commit.
 */
public final class InterestPeer {
  static final double DAY_MS = 86_400_000.0;
  static final double[] RATES = {1.0, 1.0 / 7.0, 1.0 / 60.0};
  static final int TOP = 20, MOST_ROWS = 64, ROW_BYTES = 2 + 8 + 24 + 24 + 4 + 4, SIGNALS = 7;

  public static void main(String[] args) throws IOException {
    String bootstrap = args[0], group = args[1], out = args[4];
    Map<String, double[]> tags = readTags(new File(args[3]));
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
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(Stores.keyValueStoreBuilder(
        Stores.inMemoryKeyValueStore("subjects"), Serdes.String(), Serdes.ByteArray())
        .withCachingEnabled().withLoggingEnabled(Map.of()));
    KStream<byte[], byte[]> events = builder.stream(
        Arrays.asList(args[2].split(",")), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()));
    events.process(() -> new Fold(tags), "subjects")
        .to(out, Produced.with(Serdes.String(), Serdes.ByteArray()));
    Topology topology = builder.build();
    KafkaStreams streams = new KafkaStreams(topology, p);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(20))));
    streams.start();
  }

  static Map<String, double[]> readTags(File file) throws IOException {
    Map<String, double[]> tags = new HashMap<>();
    JsonNode root = new ObjectMapper().readTree(file);
    root.fields().forEachRemaining(entry -> {
      double[] pairs = new double[2 * entry.getValue().size()];
      for (int i = 0; i < pairs.length / 2; i++) {
        pairs[2 * i] = entry.getValue().get(i).get(0).asDouble();
        pairs[2 * i + 1] = entry.getValue().get(i).get(1).asDouble();
      }
      tags.put(entry.getKey(), pairs);
    });
    return tags;
  }

  /** Logistic regression by FTRL-proximal (McMahan et al., KDD 2013). */
  static final class Model {
    final double[] z = new double[SIGNALS], n = new double[SIGNALS], w = new double[SIGNALS];
    int learned;

    double predict(double[] x) {
      double dot = 0;
      for (int i = 0; i < SIGNALS; i++) dot += w[i] * x[i];
      return 1.0 / (1.0 + Math.exp(-dot));
    }

    void learn(double[] x, boolean y) {
      double error = predict(x) - (y ? 1 : 0);
      for (int i = 0; i < SIGNALS; i++) {
        double g = error * x[i];
        z[i] += g - (Math.sqrt(n[i] + g * g) - Math.sqrt(n[i])) / 0.05 * w[i];
        n[i] += g * g;
        w[i] = -z[i] / ((1.0 + Math.sqrt(n[i])) / 0.05 + 1e-3);
      }
      learned++;
    }
  }

  /** One interest of a subject. */
  static final class Row {
    short interest;
    long at;
    final double[] level = new double[3], open = new double[3];
    int day;
    float score;

    double[] signals(long today, double[] levels) {
      double total = levels[0] + levels[1] + levels[2];
      return new double[] {
        1.0, Math.log1p(levels[0]), Math.log1p(levels[1]), Math.log1p(levels[2]),
        levels[1] > 1e-6 ? levels[0] / levels[1] : 0.0, total > 1e-9 ? levels[1] / total : 0.0,
        1.0 / (1 + Math.max(0, today - day))};
    }
  }

  /** A subject's state, as live objects and as bytes. */
  static final class Subject {
    long day, asOf;
    int version;
    final List<Row> rows = new ArrayList<>();

    static Subject read(byte[] bytes) {
      ByteBuffer b = ByteBuffer.wrap(bytes);
      Subject s = new Subject();
      s.day = b.getLong();
      s.asOf = b.getLong();
      s.version = b.getInt();
      for (int k = b.getShort(); k > 0; k--) {
        Row r = new Row();
        r.interest = b.getShort();
        r.at = b.getLong();
        for (int i = 0; i < 3; i++) r.level[i] = b.getDouble();
        for (int i = 0; i < 3; i++) r.open[i] = b.getDouble();
        r.day = b.getInt();
        r.score = b.getFloat();
        s.rows.add(r);
      }
      return s;
    }

    byte[] write() {
      ByteBuffer b = ByteBuffer.allocate(22 + ROW_BYTES * rows.size());
      b.putLong(day).putLong(asOf).putInt(version).putShort((short) rows.size());
      for (Row r : rows) {
        b.putShort(r.interest).putLong(r.at);
        for (double v : r.level) b.putDouble(v);
        for (double v : r.open) b.putDouble(v);
        b.putInt(r.day).putFloat(r.score);
      }
      return b.array();
    }

    Row row(int interest) {
      for (Row r : rows) if (r.interest == interest) return r;
      return null;
    }
  }

  /** Events of accounts to profiles of subjects. */
  static final class Fold implements Processor<byte[], byte[], String, byte[]> {
    private final Map<String, double[]> tags;
    private final JsonFactory json = new JsonFactory();
    private final Model model = new Model();
    private final LinkedHashSet<String> changed = new LinkedHashSet<>();
    private KeyValueStore<String, byte[]> store;
    private ProcessorContext<String, byte[]> context;
    private static boolean begun;

    Fold(Map<String, double[]> tags) {
      this.tags = tags;
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
      if (!begun) {
        begun = true;
        System.out.println("start " + System.currentTimeMillis() / 1000.0);
      }
      String account = "", member = null, host = null, content = null, channel = null;
      String app = null, section = null, action = null;
      long ts = 0;
      double bytes = 0, duration = 0, length = 0;
      try (JsonParser in = json.createParser(record.value())) {
        in.nextToken();
        while (in.nextToken() == JsonToken.FIELD_NAME) {
          String name = in.currentName();
          in.nextToken();
          switch (name) {
            case "account_id" -> account = in.getText();
            case "member_id" -> member = in.getText();
            case "ts" -> ts = in.getLongValue();
            case "host" -> host = in.getText();
            case "bytes_down", "bytes_up" -> bytes += in.getLongValue();
            case "duration_ms", "watched_ms" -> duration = in.getLongValue();
            case "content_ms" -> length = in.getLongValue();
            case "content_id" -> content = in.getText();
            case "channel" -> channel = in.getText();
            case "app_id" -> app = in.getText();
            case "section" -> section = in.getText();
            case "action" -> action = in.getText();
            default -> in.skipChildren();
          }
        }
      } catch (IOException error) {
        throw new IllegalStateException(error);
      }
      double time = duration / (duration + 300_000.0), weight;
      double[] found;
      if (host != null) {
        weight = Math.max(time, bytes / (bytes + 20e6));
        found = tags.get("host:" + host.toLowerCase(Locale.ROOT));
      } else if (content != null) {
        double share = duration / length;
        weight = share < 0.05 ? 0.05 * time : Math.max(time, Math.min(1.0, share));
        found = tags.get("programme:" + content.toLowerCase(Locale.ROOT));
        if (found == null) found = tags.get("channel:" + channel.toLowerCase(Locale.ROOT));
      } else {
        weight = Math.max(time, "search".equals(action) ? 0.5 : 0.35);
        found = tags.get("app:" + app.toLowerCase(Locale.ROOT));
        if (found == null) found = tags.get("section:" + section.toLowerCase(Locale.ROOT));
      }
      if (found == null || found.length == 0 || weight < 1e-4) return;
      count(member == null ? account : account + "/" + member, ts, weight, found);
    }

    private void count(String key, long ts, double weight, double[] found) {
      long day = (long) (ts / DAY_MS);
      byte[] held = store.get(key);
      Subject s = held == null ? new Subject() : Subject.read(held);
      if (held == null) s.day = day;
      if (day > s.day) close(s, day);
      for (int k = 0; k < found.length; k += 2) {
        Row r = s.row((int) found[k]);
        if (r == null) {
          if (s.rows.size() >= MOST_ROWS) continue;
          r = new Row();
          r.interest = (short) found[k];
          r.at = ts;
          r.day = (int) day;
          s.rows.add(r);
        }
        add(r, ts, weight * found[k + 1]);
        r.day = (int) Math.max(r.day, day);
        r.score = (float) model.predict(r.signals(day, r.level));
      }
      s.version++;
      s.asOf = Math.max(s.asOf, ts);
      store.put(key, s.write());
      changed.add(key);
    }

    private void add(Row r, long ts, double mass) {
      double ahead = (ts - r.at) / DAY_MS;
      for (int k = 0; k < 3; k++) {
        if (ahead >= 0) r.level[k] = r.level[k] * Math.pow(2, -ahead * RATES[k]) + mass;
        else r.level[k] += mass * Math.pow(2, ahead * RATES[k]);
      }
      if (ahead > 0) r.at = ts;
    }

    private void close(Subject s, long day) {
      for (Row r : s.rows) {
        model.learn(r.signals(s.day, r.open), r.day == s.day);
        double age = day - r.at / DAY_MS;
        for (int k = 0; k < 3; k++) r.open[k] = r.level[k] * Math.pow(2, -age * RATES[k]);
      }
      s.day = day;
    }

    private void publish() {
      for (String key : changed) {
        Subject s = Subject.read(store.get(key));
        s.rows.sort((a, b) -> Float.compare(b.score, a.score));
        StringBuilder text = new StringBuilder(2048);
        text.append("{\"schema\":1,\"subject\":\"").append(key).append("\",\"version\":")
            .append(s.version).append(",\"as_of\":").append(s.asOf)
            .append(",\"model\":{\"id\":\"ftrl-logistic\",\"version\":").append(model.learned)
            .append("},\"interests\":[");
        for (int i = 0; i < Math.min(TOP, s.rows.size()); i++) {
          Row r = s.rows.get(i);
          text.append(i == 0 ? "" : ",").append("{\"id\":\"").append(r.interest)
              .append("\",\"score\":").append(Math.round(r.score * 1e4) / 1e4)
              .append(",\"at\":").append(r.at).append(",\"levels\":[").append(r.level[0])
              .append(',').append(r.level[1]).append(',').append(r.level[2])
              .append("],\"last_active\":").append(r.day).append('}');
        }
        byte[] value = text.append("]}").toString().getBytes(StandardCharsets.UTF_8);
        context.forward(new Record<>(key, value, s.asOf));
      }
      changed.clear();
    }
  }
}
