// What contacts brought, over all customers: the report of `policy report --out`, in words. It is
// shown where there is one; its names become text by textContent, as all else on the page.
"use strict";

const contactWords = {
  en: {
    title: "What contacts brought, over all customers",
    good: "Contacts bring something: of 100 households spoken to, about {0} more said yes than would have without (between {1} and {2}).",
    bad: "Contacts do harm: of 100 households spoken to, about {0} fewer said yes than would have without (between {2} and {1} fewer).",
    open: "Whether contacts bring anything is not known yet: of 100 households spoken to, between {1} and {2} more said yes than would have without.",
    few: "There are too few households so far to say what contacts bring.",
    unlike: "Nothing can be said of what contacts bring: more or fewer households are held out than the draws say. Hold-outs are missing in what is told, or people left because they were spoken to.",
    how: "Each line compares households that were spoken to with others that a draw held out, by the first contact of each since {0}. Yes is accepted or bought in time. It may be looked at on any day; “certain” is what such a table does not show by chance. Two lines are not to be compared with each other: mail may have gone to other people than calls. Who complained is left alone, and so is missing in later weeks.",
    undrawn: "Of {0} contacts nothing is learned, for no draw decided them.",
    head: ["", "More who said yes, of 100", "Annoyed, of 100", "Spoken to", "Held out", ""],
    all: "All", interest: "By interest", channel: "By channel", week: "By week", since: "week of {0}",
    range: "{0} ({1} to {2})", certain: "certain", unsure: "not known yet", line_few: "too few", line_unlike: "shares do not fit",
    annoyedTitle: "Who was annoyed", annoyed: "In {0} households somebody dismissed, complained or unsubscribed.",
    annoyedFew: "In fewer than {0} households somebody dismissed, complained or unsubscribed.",
    cell: "{0}, by {1}: {2} of {3} contacts ({4} complained, {5} unsubscribed, {6} dismissed); {7} said yes",
    prevented: "What the rules prevent", kept: "{0} contacts would have been made: {1}",
    alone: "{0} households are left alone now: {1}",
    contact_cap: "spoken to as often as is bearable", contact_pause: "complained, unsubscribed or dismissed too often",
    contacted: "spoken to about the same lately", answered: "said yes lately",
  },
  de: {
    title: "Was Ansprachen brachten, über alle Kunden",
    good: "Ansprachen bringen etwas: Von 100 angesprochenen Haushalten sagten etwa {0} mehr Ja, als es ohne getan hätten (zwischen {1} und {2}).",
    bad: "Ansprachen schaden: Von 100 angesprochenen Haushalten sagten etwa {0} weniger Ja, als es ohne getan hätten (zwischen {2} und {1} weniger).",
    open: "Ob Ansprachen etwas bringen, ist noch offen: Von 100 angesprochenen Haushalten sagten zwischen {1} und {2} mehr Ja, als es ohne getan hätten.",
    few: "Es sind bisher zu wenige Haushalte, um zu sagen, was Ansprachen bringen.",
    unlike: "Was Ansprachen bringen, lässt sich nicht sagen: Es sind mehr oder weniger Haushalte ausgenommen, als ausgelost wurden. Ausgenommene wurden nicht gemeldet, oder es gingen Leute, weil sie angesprochen wurden.",
    how: "Jede Zeile vergleicht angesprochene Haushalte mit anderen, die ein Los davon ausnahm, nach der ersten Ansprache eines jeden seit {0}. Ja heißt rechtzeitig angenommen oder gekauft. Man darf an jedem Tag nachsehen; „sicher“ ist, was eine solche Tabelle nicht durch Zufall zeigt. Zwei Zeilen sind nicht miteinander zu vergleichen: Post kann an andere Leute gegangen sein als Anrufe. Wer sich beschwert, hat Ruhe und fehlt daher in späteren Wochen.",
    undrawn: "Aus {0} Ansprachen lässt sich nichts lernen, denn kein Los entschied über sie.",
    head: ["", "Mehr Ja, von 100", "Verärgert, von 100", "Angesprochen", "Ausgenommen", ""],
    all: "Alle", interest: "Nach Interesse", channel: "Nach Kanal", week: "Nach Woche", since: "Woche ab {0}",
    range: "{0} ({1} bis {2})", certain: "sicher", unsure: "noch offen", line_few: "zu wenige", line_unlike: "Anteile passen nicht",
    annoyedTitle: "Wer verärgert war", annoyed: "In {0} Haushalten hat jemand abgelehnt, sich beschwert oder abbestellt.",
    annoyedFew: "In weniger als {0} Haushalten hat jemand abgelehnt, sich beschwert oder abbestellt.",
    cell: "{0}, per {1}: {2} von {3} Ansprachen ({4} beschwert, {5} abbestellt, {6} abgelehnt); {7} sagten Ja",
    prevented: "Was die Regeln verhindern", kept: "{0} Ansprachen hätte es gegeben: {1}",
    alone: "{0} Haushalte haben jetzt Ruhe: {1}",
    contact_cap: "so oft angesprochen, wie zumutbar ist", contact_pause: "zu oft abgelehnt, beschwert oder abbestellt",
    contacted: "vor Kurzem zum Gleichen angesprochen", answered: "vor Kurzem Ja gesagt",
  },
};
let contactReport = null; // as the service told it last

async function askContacts() {
  const query = new URLSearchParams({ purpose: $("purpose").value });
  const answer = await ask(`/v1/outcomes?${query}`).catch(() => null);
  contactReport = answer && answer.ok ? await answer.json() : null;
  showContacts();
}

function showContacts() {
  const told = contactReport;
  $("outcomes").hidden = !told;
  if (!told) return;
  const mine = contactWords[$("language").value];
  const text = (name, ...values) => filled(mine[name], values);
  const number = (value, sign = "auto") =>
    new Intl.NumberFormat($("language").value, { maximumFractionDigits: 1, signDisplay: sign }).format(value + 0);
  const of100 = (value, sign = "negative") => number(Math.round(1000 * share(value)) / 10, sign);
  const all = told.effects.find((line) => line.by === "all");
  const annoyed = told.annoyed === null ? text("annoyedFew", told.k) : text("annoyed", number(told.annoyed));
  const rule = (name) => (known(mine, name) ? mine[name] : name);
  const prevented = [
    ...Object.entries(told.held_back).map(([name, count]) => text("kept", number(count), rule(name))),
    ...Object.entries(told.left_alone).map(([name, count]) => text("alone", number(count), rule(name))),
  ];
  $("outcomes").replaceChildren(
    make("h2", mine.title),
    make("p", contactVerdict(all, text, of100), "lead"),
    contactTable(told, mine, text, number, of100),
    make("p", text("how", told.since), "about"),
    ...(told.undrawn ? [make("p", text("undrawn", number(told.undrawn)), "about")] : []),
    ...contactList(mine.annoyedTitle, [annoyed, ...annoyedCells(told.contacts, text, number)]),
    ...contactList(mine.prevented, prevented),
  );
}

function contactVerdict(all, text, of100) {
  if (!all || !all.effect) return text(all && all.why === "unlike" ? "unlike" : "few");
  const { value, low, high } = all.effect;
  if (!all.sure) return text("open", of100(value), of100(low), of100(high));
  return value > 0 ? text("good", of100(value), of100(low), of100(high)) : text("bad", of100(-value), of100(-low), of100(-high));
}

function contactTable(told, mine, text, number, of100) {
  const table = make("table");
  const head = make("tr");
  for (const title of mine.head) head.append(title ? Object.assign(make("th", title), { scope: "col" }) : make("td"));
  table.append(make("thead"));
  table.tHead.append(head);
  for (const by of ["all", "interest", "channel", "week"]) {
    const lines = told.effects.filter((line) => line.by === by);
    if (!lines.length) continue;
    const body = make("tbody");
    if (by !== "all") {
      const title = Object.assign(make("th", mine[by]), { scope: "rowgroup", colSpan: mine.head.length });
      body.append(make("tr"));
      body.rows[0].append(title);
    }
    for (const line of lines) body.append(contactRow(line, by, mine, text, number, of100));
    table.append(body);
  }
  const box = make("div", undefined, "sideways");
  Object.assign(box, { tabIndex: 0, role: "region", ariaLabel: mine.title });
  box.append(table);
  return box;
}

function contactRow(line, by, mine, text, number, of100) {
  const row = make("tr", undefined, line.sure ? "certain" : "");
  const name = { all: mine.all, week: text("since", line.name) }[by] || line.name;
  const range = (look, sign) => (look ? text("range", of100(look.value, sign), of100(look.low), of100(look.high)) : "");
  const said = line.effect ? mine[line.sure ? "certain" : "unsure"] : mine[`line_${line.why}`];
  row.append(Object.assign(make("th", name), { scope: "row" }));
  for (const cell of [range(line.effect, "exceptZero"), range(line.annoyed), number(line.contacted), number(line.held_out), said]) {
    row.append(make("td", cell || ""));
  }
  return row;
}

// By interest and channel, the greatest share first.
function annoyedCells(cells, text, number) {
  const of = (cell, ...words) => words.reduce((sum, word) => sum + (cell.came[word] || 0), 0);
  const bad = (cell) => of(cell, "complained", "unsubscribed", "dismissed");
  const found = cells.filter((cell) => bad(cell)).sort((a, b) => bad(b) / b.made - bad(a) / a.made);
  return found.map((cell) => text("cell", cell.name, cell.channel, ...[
    bad(cell), cell.made, of(cell, "complained"), of(cell, "unsubscribed"), of(cell, "dismissed"), of(cell, "accepted", "bought"),
  ].map((count) => number(count))));
}

function contactList(title, lines) {
  if (!lines.length) return [];
  const list = make("ul", undefined, "sentences");
  for (const line of lines) list.append(make("li", line));
  return [make("h3", title), list];
}
