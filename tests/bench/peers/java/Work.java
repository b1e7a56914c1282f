import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The work every Java peer does for an event, as {@code work.py} is for those in Python: decayed
 * levels at three half-lives, and a logistic model by FTRL-proximal written out here instead of
 * River. One for each task, for it holds a task's model.
 */
public final class Work {
  static final double DAY_MS = 86_400_000.0;
  static final double[] RATES = {1.0, 1.0 / 7.0, 1.0 / 60.0};
  static final int TOP = 20, MOST_ROWS = 64, SIGNALS = 7;
  static final int ROW_BYTES = 2 + 8 + 24 + 24 + 4 + 4, HEAD_BYTES = 22;

  private static final AtomicBoolean BEGUN = new AtomicBoolean();
  private static final AtomicInteger DUE = new AtomicInteger();

  private final Map<String, double[]> tags;
  private final JsonFactory json = new JsonFactory();
  private final Model model = new Model();

  Work(String tags) throws IOException {
    this.tags = readTags(new File(tags));
  }

  /** Says once that the work begins, for the clock. */
  static void begin() {
    if (!BEGUN.get() && BEGUN.compareAndSet(false, true)) {
      System.out.println("start " + System.currentTimeMillis() / 1000.0);
    }
  }

  /** Notes how many profiles more (or fewer) are to be published, of all tasks of this process. */
  static void due(int more) {
    DUE.addAndGet(more);
  }

  /** Waits until all is published, so that who stops then commits the last profiles, too. */
  static void awaitPublished() {
    try {
      while (DUE.get() > 0) Thread.sleep(10);
    } catch (InterruptedException error) {
      throw new IllegalStateException(error);
    }
  }

  /** Folds the events of standard input, one a line, and prints the profiles: for a test. */
  public static void main(String[] args) throws IOException {
    Work work = new Work(args[0]);
    Map<String, Subject> subjects = new LinkedHashMap<>();
    try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        Event event = work.event(line.getBytes(StandardCharsets.UTF_8));
        if (event == null) continue;
        Subject held = subjects.get(event.subject);
        Subject s = held == null ? new Subject() : Subject.read(held.write());
        work.count(s, event);
        subjects.put(event.subject, s);
      }
    }
    subjects.forEach((key, s) ->
        System.out.println(new String(work.profile(key, s), StandardCharsets.UTF_8)));
  }

  private static Map<String, double[]> readTags(File file) throws IOException {
    Map<String, double[]> tags = new HashMap<>();
    JsonNode root = new ObjectMapper().readTree(file);
    root.properties().forEach(entry -> {
      double[] pairs = new double[2 * entry.getValue().size()];
      for (int i = 0; i < pairs.length / 2; i++) {
        pairs[2 * i] = entry.getValue().get(i).get(0).asDouble();
        pairs[2 * i + 1] = entry.getValue().get(i).get(1).asDouble();
      }
      tags.put(entry.getKey(), pairs);
    });
    return tags;
  }

  /** What of a record counts: whose it is, how much it says, and of what (interest, share, ...). */
  public static final class Event {
    public String subject;
    public long ts;
    public double weight;
    public double[] tags;
  }

  /** A record's event; null where it says nothing. */
  Event event(byte[] record) throws IOException {
    String account = "", member = null, host = null, content = null, channel = null;
    String app = null, section = null, action = null;
    long ts = 0;
    double bytes = 0, duration = 0, length = 0;
    try (JsonParser in = json.createParser(record)) {
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
    }
    Event event = new Event();
    if (host != null) {
      event.weight = network(duration, bytes);
      event.tags = found("host:", host);
    } else if (content != null) {
      event.weight = watched(duration, length);
      event.tags = found("programme:", content);
      if (event.tags == null) event.tags = found("channel:", channel);
    } else {
      event.weight = Math.max(time(duration), "search".equals(action) ? 0.5 : 0.35);
      event.tags = found("app:", app);
      if (event.tags == null) event.tags = found("section:", section);
    }
    if (event.tags == null || event.tags.length == 0 || event.weight < 1e-4) return null;
    event.subject = member == null ? account : account + "/" + member;
    event.ts = ts;
    return event;
  }

  private double[] found(String kind, String name) {
    return tags.get(kind + name.toLowerCase(Locale.ROOT));
  }

  private static double time(double duration) {
    return duration / (duration + 300_000.0);
  }

  private static double network(double duration, double bytes) {
    boolean brief = duration < 60_000;
    boolean call = bytes == 0 ? duration < 1000 : brief && bytes < 20_000;
    boolean idle = !brief && bytes > 0 && bytes < 0.1 * duration;
    boolean fast = duration > 0 && bytes > 4000 * Math.max(duration, 1000);
    if (call || idle || fast) return 0.0;
    double time = time(duration);
    return brief && duration > 0 ? time : Math.max(time, bytes / (bytes + 20e6));
  }

  private static double watched(double duration, double length) {
    if (duration >= 4 * 3_600_000) return 0.0;
    double time = time(duration), share = duration / length;
    return share < 0.05 ? 0.05 * time : Math.max(time, Math.min(1.0, share));
  }

  /** Logistic regression by FTRL-proximal (McMahan et al., KDD 2013). */
  private static final class Model {
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

    Row copy() {
      Row made = new Row();
      made.interest = interest;
      made.at = at;
      System.arraycopy(level, 0, made.level, 0, 3);
      System.arraycopy(open, 0, made.open, 0, 3);
      made.day = day;
      made.score = score;
      return made;
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
      ByteBuffer b = ByteBuffer.allocate(HEAD_BYTES + ROW_BYTES * rows.size());
      b.putLong(day).putLong(asOf).putInt(version).putShort((short) rows.size());
      for (Row r : rows) {
        b.putShort(r.interest).putLong(r.at);
        for (double v : r.level) b.putDouble(v);
        for (double v : r.open) b.putDouble(v);
        b.putInt(r.day).putFloat(r.score);
      }
      return b.array();
    }

    Subject copy() {
      Subject made = new Subject();
      made.day = day;
      made.asOf = asOf;
      made.version = version;
      for (Row r : rows) made.rows.add(r.copy());
      return made;
    }

    private Row row(int interest) {
      for (Row r : rows) if (r.interest == interest) return r;
      return null;
    }
  }

  /** Takes an event into its subject's state. */
  void count(Subject s, Event event) {
    long day = (long) (event.ts / DAY_MS);
    if (s.version == 0) s.day = day;
    if (day > s.day) close(s, day);
    for (int k = 0; k < event.tags.length; k += 2) {
      Row r = s.row((int) event.tags[k]);
      if (r == null) {
        if (s.rows.size() >= MOST_ROWS) continue;
        r = new Row();
        r.interest = (short) event.tags[k];
        r.at = event.ts;
        r.day = (int) day;
        s.rows.add(r);
      }
      add(r, event.ts, event.weight * event.tags[k + 1]);
      r.day = (int) Math.max(r.day, day);
      r.score = (float) model.predict(r.signals(day, r.level));
    }
    s.version++;
    s.asOf = Math.max(s.asOf, event.ts);
  }

  private static void add(Row r, long ts, double mass) {
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

  /** A subject's profile: the best twenty of its interests. */
  byte[] profile(String key, Subject s) {
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
    return text.append("]}").toString().getBytes(StandardCharsets.UTF_8);
  }
}
