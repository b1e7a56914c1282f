//! The floor under every engine: what a native program does with the same records.
//!
//! `native parse BOOTSTRAP GROUP TOPICS EVENTS` decodes and drops; `native fold` also does a
//! peer's whole work (`work.py`): levels, a model, profiles every half second. It keeps its state
//! in memory alone and commits nothing, so nothing of it survives a crash.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer, DefaultProducerContext};
use rustc_hash::FxBuildHasher;
use serde::Deserialize;

const DAY_MS: f64 = 86_400_000.0;
const RATES: [f64; 3] = [1.0, 1.0 / 7.0, 1.0 / 60.0];
const TOP: usize = 20;
const MOST_ROWS: usize = 64;
const SIGNALS: usize = 7;
const PUBLISH: Duration = Duration::from_millis(500);
const TOLD: u64 = 10_000;

type Map<K, V> = HashMap<K, V, FxBuildHasher>;

/// What is read of a record of any of the inputs.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    account_id: &'a str,
    member_id: Option<&'a str>,
    ts: i64,
    host: Option<&'a str>,
    bytes_down: Option<f64>,
    bytes_up: Option<f64>,
    duration_ms: Option<f64>,
    content_id: Option<&'a str>,
    channel: Option<&'a str>,
    watched_ms: Option<f64>,
    content_ms: Option<f64>,
    app_id: Option<&'a str>,
    section: Option<&'a str>,
    action: Option<&'a str>,
}

/// Logistic regression by FTRL-proximal (McMahan et al., KDD 2013).
#[derive(Default)]
struct Model {
    z: [f64; SIGNALS],
    n: [f64; SIGNALS],
    w: [f64; SIGNALS],
    learned: u64,
}

impl Model {
    fn predict(&self, x: &[f64; SIGNALS]) -> f64 {
        let dot: f64 = self.w.iter().zip(x).map(|(w, x)| w * x).sum();
        1.0 / (1.0 + (-dot).exp())
    }

    fn learn(&mut self, x: &[f64; SIGNALS], engaged: bool) {
        let error = self.predict(x) - f64::from(u8::from(engaged));
        for i in 0..SIGNALS {
            let g = error * x[i];
            let grown = self.n[i] + g * g;
            self.z[i] += g - (grown.sqrt() - self.n[i].sqrt()) / 0.05 * self.w[i];
            self.n[i] = grown;
            self.w[i] = -self.z[i] / ((1.0 + grown.sqrt()) / 0.05 + 1e-3);
        }
        self.learned += 1;
    }
}

/// One interest of a subject.
struct Row {
    interest: u16,
    at: i64,
    level: [f64; 3],
    open: [f64; 3],
    day: i64,
    score: f64,
}

impl Row {
    fn add(&mut self, ts: i64, mass: f64) {
        let ahead = (ts - self.at) as f64 / DAY_MS;
        for (level, rate) in self.level.iter_mut().zip(RATES) {
            if ahead >= 0.0 {
                *level = *level * (-ahead * rate).exp2() + mass;
            } else {
                *level += mass * (ahead * rate).exp2();
            }
        }
        self.at = self.at.max(ts);
    }

    fn signals(&self, today: i64, levels: &[f64; 3]) -> [f64; SIGNALS] {
        let total: f64 = levels.iter().sum();
        [
            1.0,
            levels[0].ln_1p(),
            levels[1].ln_1p(),
            levels[2].ln_1p(),
            if levels[1] > 1e-6 { levels[0] / levels[1] } else { 0.0 },
            if total > 1e-9 { levels[1] / total } else { 0.0 },
            1.0 / (1 + (today - self.day).max(0)) as f64,
        ]
    }
}

struct Subject {
    key: Box<str>,
    day: i64,
    as_of: i64,
    version: u64,
    changed: bool,
    rows: Vec<Row>,
}

impl Subject {
    /// Learn the rows of the day that ended, and take the levels of the morning.
    fn close(&mut self, day: i64, model: &mut Model) {
        for row in &mut self.rows {
            model.learn(&row.signals(self.day, &row.open), row.day == self.day);
            let age = day as f64 - row.at as f64 / DAY_MS;
            for k in 0..3 {
                row.open[k] = row.level[k] * (-age * RATES[k]).exp2();
            }
        }
        self.day = day;
    }

    fn profile(&self, learned: u64, text: &mut String) {
        let mut best: Vec<&Row> = self.rows.iter().collect();
        best.sort_by(|a, b| b.score.total_cmp(&a.score));
        text.clear();
        write!(
            text,
            "{{\"schema\":1,\"subject\":\"{}\",\"version\":{},\"as_of\":{},\"model\":\
             {{\"id\":\"ftrl-logistic\",\"version\":{}}},\"interests\":[",
            self.key, self.version, self.as_of, learned
        )
        .unwrap();
        for (i, row) in best.iter().take(TOP).enumerate() {
            write!(
                text,
                "{}{{\"id\":\"{}\",\"score\":{},\"at\":{},\"levels\":[{},{},{}],\"last_active\":{}}}",
                if i == 0 { "" } else { "," },
                row.interest,
                (row.score * 1e4).round() / 1e4,
                row.at,
                row.level[0],
                row.level[1],
                row.level[2],
                row.day
            )
            .unwrap();
        }
        text.push_str("]}");
    }
}

/// How much an event says, 0 to 1.
fn engagement(event: &Event) -> f64 {
    if let Some(watched) = event.watched_ms {
        if watched >= 4.0 * 3_600_000.0 {
            return 0.0;
        }
        let time = watched / (watched + 300_000.0);
        let share = watched / event.content_ms.unwrap_or(f64::INFINITY);
        return if share < 0.05 { 0.05 * time } else { time.max(share.min(1.0)) };
    }
    let duration = event.duration_ms.unwrap_or(0.0);
    let time = duration / (duration + 300_000.0);
    if let Some(action) = event.action {
        return time.max(if action == "search" { 0.5 } else { 0.35 });
    }
    let size = event.bytes_down.unwrap_or(0.0) + event.bytes_up.unwrap_or(0.0);
    let short = duration < 60_000.0;
    let call = if size == 0.0 { duration < 1000.0 } else { short && size < 20_000.0 };
    let idle = !short && size > 0.0 && size < 0.1 * duration;
    let fast = duration > 0.0 && size > 4000.0 * duration.max(1000.0);
    if call || idle || fast {
        0.0
    } else if short && duration > 0.0 {
        time
    } else {
        time.max(size / (size + 20e6))
    }
}

type Tags = Map<String, Vec<(u16, f64)>>;

struct Fold {
    tags: Tags,
    model: Model,
    ids: Map<Box<str>, usize>,
    subjects: Vec<Subject>,
    changed: Vec<usize>,
    key: String,
}

impl Fold {
    fn new(tags: Tags) -> Self {
        let (model, ids, subjects) = (Model::default(), Map::default(), Vec::new());
        Fold { tags, model, ids, subjects, changed: Vec::new(), key: String::new() }
    }

    fn take(&mut self, event: &Event) {
        let names = match (event.host, event.content_id) {
            (Some(host), _) => [("host:", host), ("", "")],
            (_, Some(content)) => {
                [("programme:", content), ("channel:", event.channel.unwrap_or(""))]
            }
            _ => [("app:", event.app_id.unwrap_or("")), ("section:", event.section.unwrap_or(""))],
        };
        let Some(found) = names.iter().find_map(|(kind, name)| {
            self.key.clear();
            self.key.push_str(kind);
            self.key.extend(name.chars().flat_map(char::to_lowercase));
            self.tags.get(self.key.as_str())
        }) else {
            return;
        };
        let weight = engagement(event);
        if found.is_empty() || weight < 1e-4 {
            return;
        }
        self.key.clear();
        self.key.push_str(event.account_id);
        if let Some(member) = event.member_id {
            self.key.push('/');
            self.key.push_str(member);
        }
        let day = event.ts.div_euclid(DAY_MS as i64);
        let id = match self.ids.get(self.key.as_str()) {
            Some(&id) => id,
            None => {
                let (key, id) = (Box::<str>::from(self.key.as_str()), self.subjects.len());
                let (as_of, rows) = (event.ts, Vec::new());
                self.subjects.push(Subject {
                    key: key.clone(), day, as_of, version: 0, changed: false, rows,
                });
                self.ids.insert(key, id);
                id
            }
        };
        let subject = &mut self.subjects[id];
        if day > subject.day {
            subject.close(day, &mut self.model);
        }
        for &(interest, share) in found {
            let row = match subject.rows.iter().position(|row| row.interest == interest) {
                Some(i) => &mut subject.rows[i],
                None if subject.rows.len() >= MOST_ROWS => continue,
                None => {
                    let (level, open, at) = ([0.0; 3], [0.0; 3], event.ts);
                    subject.rows.push(Row { interest, at, level, open, day, score: 0.0 });
                    subject.rows.last_mut().unwrap()
                }
            };
            row.add(event.ts, weight * share);
            row.day = row.day.max(day);
            row.score = self.model.predict(&row.signals(day, &row.level));
        }
        subject.version += 1;
        subject.as_of = subject.as_of.max(event.ts);
        if !std::mem::replace(&mut subject.changed, true) {
            self.changed.push(id);
        }
    }

    fn publish(&mut self, producer: &ThreadedProducer<DefaultProducerContext>, topic: &str) {
        let mut text = String::with_capacity(4096);
        for id in self.changed.drain(..) {
            let subject = &mut self.subjects[id];
            subject.changed = false;
            subject.profile(self.model.learned, &mut text);
            let mut record = BaseRecord::to(topic).key(&*subject.key).payload(text.as_str());
            while let Err((error, back)) = producer.send(record) {
                if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                    panic!("{error}");
                }
                std::thread::sleep(Duration::from_millis(5));
                record = back;
            }
        }
    }
}

fn say(word: &str, more: &str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    println!("{word} {now}{more}");
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let [_, mode, bootstrap, group, topics, events, more @ ..] = words.as_slice() else {
        panic!("native parse|fold BOOTSTRAP GROUP TOPICS EVENTS [TAGS OUT]");
    };
    let events: u64 = events.parse().expect("events");
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("queued.min.messages", "200000")
        .set("queued.max.messages.kbytes", "131072")
        .set("fetch.max.bytes", "16777216")
        .set("max.partition.fetch.bytes", "4194304")
        .set("fetch.wait.max.ms", "50")
        .set("fetch.queue.backoff.ms", "20")
        .create()
        .expect("consumer");
    let names: Vec<&str> = topics.split(',').collect();
    consumer.subscribe(&names).expect("subscribe");
    let mut fold = match (mode.as_str(), more) {
        ("parse", []) => None,
        ("fold", [tags, out]) => {
            let mut text = std::fs::read(tags).expect("tags");
            let tags: Tags = simd_json::serde::from_slice(&mut text).expect("tags");
            let producer: ThreadedProducer<_> = ClientConfig::new()
                .set("bootstrap.servers", bootstrap)
                .set("linger.ms", "20")
                .set("batch.size", "1000000")
                .set("compression.type", "lz4")
                .set("queue.buffering.max.messages", "1000000")
                .create()
                .expect("producer");
            Some((Fold::new(tags), producer, out.as_str()))
        }
        _ => panic!("parse takes no more words, fold takes TAGS OUT"),
    };
    let (mut done, mut bytes, mut published) = (0, Vec::new(), Instant::now());
    while done < events {
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message.expect("message");
        if done == 0 {
            say("start", "");
        }
        bytes.clear();
        bytes.extend_from_slice(message.payload().unwrap_or(b""));
        let event: Event = simd_json::serde::from_slice(&mut bytes).expect("event");
        done += 1;
        match &mut fold {
            None => drop(std::hint::black_box(event)),
            Some((fold, producer, out)) => {
                fold.take(&event);
                if done % 256 == 0 && published.elapsed() >= PUBLISH {
                    fold.publish(producer, out);
                    published = Instant::now();
                }
            }
        }
        if done % TOLD == 0 {
            say("done", &format!(" {done}"));
        }
    }
    if let Some((fold, producer, out)) = &mut fold {
        fold.publish(producer, out);
        producer.flush(Duration::from_secs(60)).expect("flush");
    }
    say("done", &format!(" {done}"));
}
