import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.types.CopyableValue;
import org.apache.flink.util.Collector;
import sun.misc.Signal;

/**
 * Flink, exactly once, its cluster inside this process: records are read and tagged where they
 * arrive, keyed by subject, folded into a value of keyed state, and published by a timer each half
 * second where a subject changed. A checkpoint a second; with it go the sink's transactions.
 */
public final class FlinkPeer {
  static final long PUBLISH_MS = 500;

  public static void main(String[] args) throws Exception {
    String bootstrap = args[0], group = args[1], tags = args[3], out = args[4], folder = args[5];
    CountDownLatch told = new CountDownLatch(1);
    Signal.handle(new Signal("TERM"), signal -> told.countDown());
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(2, settings(args[6], folder));
    env.getConfig().enableObjectReuse();
    KafkaSource<Work.Event> source = KafkaSource.<Work.Event>builder()
        .setBootstrapServers(bootstrap)
        .setGroupId(group)
        .setTopics(args[2].split(","))
        .setStartingOffsets(OffsetsInitializer.earliest())
        .setValueOnlyDeserializer(new Tagged(tags))
        .setProperty("max.poll.records", "10000")
        .setProperty("fetch.max.bytes", "16777216")
        .setProperty("max.partition.fetch.bytes", "4194304")
        .build();
    KafkaSink<Profile> sink = KafkaSink.<Profile>builder()
        .setBootstrapServers(bootstrap)
        .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .setTransactionalIdPrefix(group)
        .setTransactionNamingStrategy(TransactionNamingStrategy.POOLING)
        .setKafkaProducerConfig(producer())
        .setRecordSerializer(KafkaRecordSerializationSchema.<Profile>builder()
            .setTopic(out)
            .setKeySerializationSchema(new Key())
            .setValueSerializationSchema(new Value())
            .build())
        .build();
    env.fromSource(source, WatermarkStrategy.noWatermarks(), "events")
        .keyBy(event -> event.subject)
        .process(new Fold(tags))
        .sinkTo(sink);
    JobClient job = env.executeAsync(group);
    job.getJobExecutionResult().exceptionally(error -> {
      error.printStackTrace();
      Runtime.getRuntime().halt(1);
      return null;
    });
    told.await();
    Work.awaitPublished();
    job.stopWithSavepoint(false, "file://" + folder + "/last", SavepointFormatType.NATIVE).get();
    Runtime.getRuntime().halt(0);
  }

  private static Configuration settings(String backend, String folder) {
    Configuration c = new Configuration();
    c.setString("state.backend.type", backend);
    c.setString("state.backend.rocksdb.timer-service.factory", "HEAP");
    c.setString("execution.checkpointing.interval", "1 s");
    c.setString("execution.checkpointing.mode", "EXACTLY_ONCE");
    c.setString("execution.checkpointing.incremental", "true");
    c.setString("execution.checkpointing.storage", "filesystem");
    c.setString("execution.checkpointing.dir", "file://" + folder + "/checkpoints");
    c.setString("io.tmp.dirs", folder);
    c.setString("restart-strategy.type", "none"); // a run that failed is to be seen as one
    c.setString("taskmanager.memory.managed.size", backend.equals("rocksdb") ? "512m" : "0");
    return c;
  }

  private static Properties producer() {
    Properties p = new Properties();
    p.setProperty("transaction.timeout.ms", "600000");
    p.setProperty("linger.ms", "20");
    p.setProperty("batch.size", "1000000");
    p.setProperty("compression.type", "lz4");
    return p;
  }

  /** A profile on its way to the sink. */
  public static final class Profile {
    public byte[] key;
    public byte[] value;
  }

  /** Records to events; those that say nothing end here. */
  static final class Tagged implements DeserializationSchema<Work.Event> {
    private final String tags;
    private transient Work work;

    Tagged(String tags) {
      this.tags = tags;
    }

    @Override
    public void open(InitializationContext context) throws IOException {
      work = new Work(tags);
    }

    @Override
    public Work.Event deserialize(byte[] record) throws IOException {
      Work.begin();
      return work.event(record);
    }

    @Override
    public boolean isEndOfStream(Work.Event event) {
      return false;
    }

    @Override
    public TypeInformation<Work.Event> getProducedType() {
      return TypeInformation.of(Work.Event.class);
    }
  }

  /** A subject's state and when its profile is due, as Flink keeps, copies and writes it. */
  public static final class Held implements CopyableValue<Held> {
    Work.Subject subject = new Work.Subject();
    long due;

    @Override
    public int getBinaryLength() {
      return -1;
    }

    @Override
    public void copyTo(Held target) {
      target.subject = subject.copy();
      target.due = due;
    }

    @Override
    public Held copy() {
      Held made = new Held();
      copyTo(made);
      return made;
    }

    @Override
    public void copy(DataInputView source, DataOutputView target) throws IOException {
      target.writeLong(source.readLong());
      int size = source.readInt();
      target.writeInt(size);
      target.write(source, size);
    }

    @Override
    public void write(DataOutputView out) throws IOException {
      byte[] bytes = subject.write();
      out.writeLong(due);
      out.writeInt(bytes.length);
      out.write(bytes);
    }

    @Override
    public void read(DataInputView in) throws IOException {
      due = in.readLong();
      byte[] bytes = new byte[in.readInt()];
      in.readFully(bytes);
      subject = Work.Subject.read(bytes);
    }
  }

  /** Events of a subject to its profiles. */
  static final class Fold extends KeyedProcessFunction<String, Work.Event, Profile> {
    private final String tags;
    private transient Work work;
    private transient ValueState<Held> state;

    Fold(String tags) {
      this.tags = tags;
    }

    @Override
    public void open(OpenContext context) throws IOException {
      work = new Work(tags);
      state = getRuntimeContext().getState(new ValueStateDescriptor<>("subjects", Held.class));
    }

    @Override
    public void processElement(Work.Event event, Context context, Collector<Profile> out)
        throws IOException {
      Held held = state.value();
      if (held == null) held = new Held();
      work.count(held.subject, event);
      if (held.due == 0) {
        long now = context.timerService().currentProcessingTime();
        held.due = now - now % PUBLISH_MS + PUBLISH_MS;
        context.timerService().registerProcessingTimeTimer(held.due);
        Work.due(1);
      }
      state.update(held);
    }

    @Override
    public void onTimer(long at, OnTimerContext context, Collector<Profile> out)
        throws IOException {
      Held held = state.value();
      held.due = 0;
      String key = context.getCurrentKey();
      Profile profile = new Profile();
      profile.key = key.getBytes(StandardCharsets.UTF_8);
      profile.value = work.profile(key, held.subject);
      state.update(held);
      out.collect(profile);
      Work.due(-1);
    }
  }

  /** A profile's key in its record. */
  static final class Key implements SerializationSchema<Profile> {
    @Override
    public byte[] serialize(Profile profile) {
      return profile.key;
    }
  }

  /** What its record says. */
  static final class Value implements SerializationSchema<Profile> {
    @Override
    public byte[] serialize(Profile profile) {
      return profile.value;
    }
  }
}
