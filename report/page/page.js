"use strict";
// The rows are lines of wsdump's NDJSON. Everything in them that came off the
// wire is shown as text: textContent only, and nothing here makes markup of it.
(() => {
  const $ = (id) => document.getElementById(id);
  const make = (name, cls, text) => {
    const e = document.createElement(name);
    if (cls) e.className = cls;
    if (text !== undefined) e.textContent = text;
    return e;
  };

  // Characters that format instead of showing are made visible.
  const hidden = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb]/g;
  const escape = (c) => (c === "\n" ? "\\n" : c === "\t" ? "\\t" : c === "\r" ? "\\r" : "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
  const safe = (s) => s.replace(hidden, escape);
  const safeLines = (s) => s.replace(hidden, (c) => (c === "\n" || c === "\t" ? c : escape(c)));

  const rows = [], conns = new Map();
  let first = Infinity, last = -Infinity, start = {}, summary = {};
  for (const line of $("data").textContent.split("\n")) {
    if (!line) continue;
    const r = JSON.parse(line);
    if (r.type === "start") { start = r; continue; }
    if (r.type === "summary") { summary = r; continue; }
    r.ms = r.time ? Date.parse(r.time.slice(0, 19) + "Z") + Number("0" + r.time.slice(19, -1)) * 1000 : NaN;
    if (r.ms < first) first = r.ms;
    if (r.ms > last) last = r.ms;
    if (r.conn) {
      let c = conns.get(r.conn);
      if (!c) conns.set(r.conn, (c = { id: r.conn, url: "", from: r.ms, to: r.ms, bad: false, rows: 0, before: NaN }));
      if (r.type === "open") c.url = r.url || "(handshake not in the capture)";
      if (r.type === "finding" && r.severity === "error") c.bad = true;
      c.from = Math.min(c.from, r.ms);
      c.to = Math.max(c.to, r.ms);
      if (r.type === "message" || r.type === "control") { r.delta = r.ms - c.before; c.before = r.ms; c.rows++; }
    }
    rows.push(r);
  }
  if (!isFinite(first)) first = last = 0;
  const span = Math.max(last - first, 1e-6);

  const bytesOf = (r) => {
    if (r.base64 === undefined) return new TextEncoder().encode(r.text ?? "");
    const raw = atob(r.base64), b = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) b[i] = raw.charCodeAt(i);
    return b;
  };
  const hexOf = (b, n) => Array.from(b.subarray(0, n), (x) => x.toString(16).padStart(2, "0")).join(" ") + (b.length > n ? "…" : "");
  const seconds = (ms) => (ms / 1000).toFixed(4);
  const short = (ms) => (!isFinite(ms) ? "" : ms < 1 ? "+" + (ms * 1000).toFixed(0) + " µs" : ms < 1000 ? "+" + ms.toFixed(1) + " ms" : "+" + (ms / 1000).toFixed(1) + " s");

  const marks = (r) => ["incomplete", "truncated", "guessed"].filter((m) => r[m]).map((m) => "  [" + m + "]").join("") + (r.reply_to ? "  [answers " + r.reply_to + " after " + r.reply_ms.toFixed(1) + " ms]" : "");
  // What a row says in one line.
  const says = (r) => {
    switch (r.type) {
      case "open": return r.url ? r.url + "   " + (r.client ?? "?") + " → " + (r.server ?? "?") + "   " + (r.status ?? "no answer") + (r.subprotocol ? "   " + r.subprotocol : "") : "(handshake not in the capture)";
      case "close": return "closed" + (r.by && r.by !== "unknown" ? " by the " + r.by : "") + (r.code ? " " + r.code + " " + (r.reason ?? "") : "") + (r.clean === true ? ", cleanly" : "") + (r.tcp ? ", TCP " + r.tcp : "") + ", after " + seconds(r.duration_ms ?? 0) + " s";
      case "finding": return r.severity + " " + r.rule + (r.n ? ", row " + r.n : "") + ": " + r.title + (r.detail ? ". " + r.detail : "") + (r.got ? " (got " + r.got + (r.want ? ", want " + r.want : "") + ")" : "");
      case "control": return r.op + (r.op === "close" ? " " + (r.code ?? "") + " " + (r.reason ?? "") : r.text ? ' "' + r.text + '"' : r.base64 ? " " + hexOf(bytesOf(r), 16) : "") + (r.rtt_ms !== undefined ? "  (" + r.rtt_ms.toFixed(1) + " ms)" : "") + marks(r);
      case "frame": return "frame " + r.op + (r.fin ? " fin" : "") + (r.masked ? " mask=" + r.mask_key : "") + (r.text ? "  " + r.text : r.base64 ? "  " + hexOf(bytesOf(r), 16) : "") + marks(r);
    }
    return (r.text !== undefined ? r.text : r.base64 !== undefined ? hexOf(bytesOf(r), 32) : "(" + r.kind + ")") + marks(r);
  };

  // Filters.
  let shown = rows, only = 0, chosen = -1;
  const kinds = { all: () => true, message: (r) => r.type === "message", control: (r) => r.type === "control", finding: (r) => r.type === "finding", open: (r) => r.type === "open" || r.type === "close" };
  const filter = () => {
    const box = $("search"), words = box.value, dir = $("dir").value, kind = kinds[$("kind").value];
    let match = () => true;
    box.classList.remove("wrong");
    const re = /^\/(.*)\/(i?)$/.exec(words);
    if (re) {
      try { const x = new RegExp(re[1], re[2]); match = (s) => x.test(s); } catch { box.classList.add("wrong"); }
    } else if (words) {
      const low = words.toLowerCase();
      match = (s) => s.toLowerCase().includes(low);
    }
    shown = rows.filter((r) => (!only || r.conn === only) && (!dir || r.dir === dir) && kind(r) && (!words || match(says(r))));
    $("count").textContent = shown.length.toLocaleString("en") + " of " + rows.length.toLocaleString("en") + " rows";
    chosen = -1;
    $("rows").style.height = Math.min(shown.length * height, tallest) + "px";
    $("list").scrollTop = 0;
    draw();
  };

  // The list is virtual: only what is in sight is in the document. Browsers bound
  // the height of an element, so a very long list scrolls faster than its rows.
  const height = 22, tallest = 8e6;
  const firstInSight = () => {
    const list = $("list"), room = Math.max(1, Math.min(shown.length * height, tallest) - list.clientHeight + height);
    const most = Math.max(0, shown.length - Math.floor(list.clientHeight / height) + 1);
    return shown.length * height <= tallest ? Math.floor(list.scrollTop / height) : Math.min(most, Math.round((list.scrollTop / room) * most));
  };
  const draw = () => {
    const list = $("list"), box = $("rows"), from = Math.max(0, firstInSight() - 4), n = Math.ceil(list.clientHeight / height) + 8;
    const top = shown.length * height <= tallest ? from * height : list.scrollTop - 4 * height;
    const part = document.createDocumentFragment();
    for (let i = from; i < Math.min(from + n, shown.length); i++) {
      const e = line(shown[i], i);
      e.style.top = Math.max(0, top + (i - from) * height) + "px";
      part.append(e);
    }
    box.replaceChildren(part);
  };
  const arrow = (r) => (r.type === "finding" ? "!" : r.dir === "send" ? "↑" : r.dir === "receive" ? "↓" : "");
  const cells = (r) => ["#" + (r.conn ?? ""), r.n ?? "", isNaN(r.ms) ? "" : seconds(r.ms - first), short(r.delta), r.length === undefined ? "" : r.length.toLocaleString("en"), arrow(r), safe(says(r).slice(0, 2000))];
  const line = (r, i) => {
    const e = make("div", "row " + r.type + " " + (r.severity ?? r.dir ?? "") + (i === chosen ? " on" : ""));
    cells(r).forEach((text, k) => e.append(make("span", k >= 1 && k <= 4 ? "r" : k === 5 ? "arrow" : k === 6 ? "data" + (r.type === "control" ? " op" : "") : "", text)));
    e.dataset.i = i;
    return e;
  };

  // The row in full.
  const tree = (name, v) => {
    const label = (e) => { if (name !== null) { e.append(make("span", "key", safe(JSON.stringify(name))), ": "); } return e; };
    if (v !== null && typeof v === "object") {
      const keys = Object.keys(v), list = Array.isArray(v), d = make("details"), s = label(make("summary"));
      s.append(list ? "[" + keys.length + "]" : "{" + keys.length + "}");
      d.append(s);
      let filled = false;
      const fill = () => { // when it is opened: a deep tree costs nothing before
        if (filled) return;
        filled = true;
        keys.slice(0, 2000).forEach((k) => d.append(tree(list ? null : k, v[k])));
        if (keys.length > 2000) d.append(make("div", "leaf", "… " + (keys.length - 2000) + " more"));
      };
      d.addEventListener("toggle", fill);
      d.fill = () => { fill(); d.open = true; };
      return d;
    }
    const e = label(make("div", "leaf"));
    e.append(make("span", typeof v === "string" ? "" : "num", safe(JSON.stringify(v))));
    return e;
  };
  const dump = (b) => {
    const out = [], most = Math.min(b.length, 1 << 16);
    for (let i = 0; i < most; i += 16) {
      const part = b.subarray(i, Math.min(i + 16, most));
      out.push(i.toString(16).padStart(6, "0") + "  " + Array.from(part, (x) => x.toString(16).padStart(2, "0")).join(" ").padEnd(48) + " " + Array.from(part, (x) => (x < 32 || x > 126 ? "." : String.fromCharCode(x))).join(""));
    }
    if (most < b.length) out.push("… " + (b.length - most) + " bytes more");
    return out.join("\n");
  };
  let view = "";
  const detail = () => {
    const side = $("detail"), r = shown[chosen];
    $("main").classList.toggle("split", !!r);
    if (!r) return;
    side.replaceChildren(make("h2", "", r.type + (r.n ? " " + r.n : "") + (r.conn ? " of connection " + r.conn : "")));
    const facts = make("dl");
    for (const [k, v] of Object.entries(r)) {
      if (["text", "base64", "ms", "delta", "type"].includes(k)) continue;
      facts.append(make("dt", "", k), make("dd", "", safe(typeof v === "string" ? v : JSON.stringify(v))));
    }
    side.append(facts);
    if (r.text === undefined && r.base64 === undefined) return;
    let json;
    try { json = JSON.parse(r.text); } catch { json = undefined; }
    const views = { Hex: () => make("pre", "hex", dump(bytesOf(r))) };
    if (r.text !== undefined) views.Text = () => make("pre", "", safeLines(r.text));
    if (json !== null && typeof json === "object") views.JSON = () => { const t = tree(null, json); t.fill(); return t; };
    const names = ["JSON", "Text", "Hex"].filter((n) => views[n]), now = names.includes(view) ? view : names[0];
    const tabs = make("div", "tabs");
    for (const n of names) {
      const b = make("button", "", n);
      b.type = "button";
      b.setAttribute("aria-pressed", n === now);
      b.addEventListener("click", () => { view = n; detail(); });
      tabs.append(b);
    }
    side.append(tabs, views[now]());
  };
  const choose = (i) => {
    if (i < 0 || i >= shown.length) return;
    chosen = i;
    const list = $("list"), top = i * height;
    if (shown.length * height <= tallest) {
      if (top < list.scrollTop) list.scrollTop = top;
      if (top + 3 * height > list.scrollTop + list.clientHeight) list.scrollTop = top - list.clientHeight + 3 * height;
    }
    detail();
    draw();
  };

  // Pictures.
  const rate = () => {
    const canvas = $("rate"), scale = devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
    canvas.width = w * scale;
    canvas.height = h * scale;
    const g = canvas.getContext("2d"), n = Math.max(10, Math.floor(w / 4)), up = new Uint32Array(n), down = new Uint32Array(n);
    g.scale(scale, scale);
    for (const r of rows) if (r.type === "message") (r.dir === "send" ? up : down)[Math.min(n - 1, Math.floor(((r.ms - first) / span) * n))]++;
    const most = Math.max(1, ...up, ...down), css = getComputedStyle(document.documentElement), half = (h - 14) / 2;
    const bars = (counts, color, sign) => {
      g.fillStyle = css.getPropertyValue(color);
      counts.forEach((c, i) => { if (c) { const tall = Math.max(1, (c / most) * half); g.fillRect((i * w) / n, sign > 0 ? half - tall : half, Math.max(1, w / n - 1), tall); } });
    };
    bars(up, "--send", 1);
    bars(down, "--recv", -1);
    g.fillStyle = css.getPropertyValue("--dim");
    g.font = "11px system-ui, sans-serif";
    g.fillText("0 s", 0, h - 2);
    const end = (span / 1000).toFixed(1) + " s", peak = (most / (span / n / 1000)).toLocaleString("en", { maximumFractionDigits: 1 }) + " messages/s at most";
    g.fillText(end, w - g.measureText(end).width, h - 2);
    g.fillText(peak, (w - g.measureText(peak).width) / 2, h - 2);
  };
  const all = [...conns.values()];
  const waterfall = () => {
    const box = $("conns"), tall = 20, inner = make("div");
    inner.style.height = all.length * tall + "px";
    const from = Math.max(0, Math.floor(box.scrollTop / tall) - 2), n = Math.ceil(box.clientHeight / tall) + 4;
    for (const [k, c] of all.slice(from, from + n).entries()) {
      const e = make("div", "line" + (c.id === only ? " on" : "")), track = make("div", "track"), bar = make("div", "bar" + (c.bad ? " bad" : ""));
      e.style.top = (from + k) * tall + "px";
      bar.style.left = ((c.from - first) / span) * 98 + "%";
      bar.style.width = ((c.to - c.from) / span) * 98 + "%";
      track.append(bar);
      e.append(make("div", "name", "#" + c.id + " " + safe(c.url) + " (" + c.rows + ")"), track);
      e.title = safe(c.url);
      e.dataset.conn = c.id;
      inner.append(e);
    }
    const at = box.scrollTop;
    box.replaceChildren(inner);
    box.scrollTop = at;
  };

  const some = (n, what) => n.toLocaleString("en") + " " + what + (n === 1 ? "" : "s");
  const findings = summary.findings ?? {};
  $("facts").textContent = safe((start.files ?? []).join(", ")) + " · " + some(summary.connections ?? all.length, "connection") + ", " + some(summary.messages ?? 0, "message") +
    (findings.error ? ", " + some(findings.error, "error") : "") + (findings.warning ? ", " + some(findings.warning, "warning") : "") + (summary.gaps ? ", " + some(summary.gaps, "gap") : "");
  $("search").addEventListener("input", filter);
  $("dir").addEventListener("change", filter);
  $("kind").addEventListener("change", filter);
  $("everything").addEventListener("click", () => { only = 0; $("search").value = ""; $("dir").value = ""; $("kind").value = "all"; waterfall(); filter(); detail(); });
  document.forms[0].addEventListener("submit", (e) => e.preventDefault());
  $("list").addEventListener("scroll", draw);
  $("conns").addEventListener("scroll", waterfall);
  $("conns").addEventListener("click", (e) => {
    const line = e.target.closest(".line");
    if (!line) return;
    only = only === Number(line.dataset.conn) ? 0 : Number(line.dataset.conn);
    waterfall();
    filter();
  });
  $("rows").addEventListener("click", (e) => { const row = e.target.closest(".row"); if (row) choose(Number(row.dataset.i)); });
  $("list").addEventListener("keydown", (e) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20 }[e.key];
    if (by) { choose(Math.min(shown.length - 1, Math.max(0, chosen + by))); e.preventDefault(); }
    if (e.key === "Escape") { chosen = -1; detail(); draw(); }
  });
  addEventListener("resize", () => { rate(); waterfall(); draw(); });
  addEventListener("beforeprint", () => {
    const most = 5000, table = $("print");
    table.replaceChildren(...shown.slice(0, most).map((r) => { const tr = make("tr"); tr.append(...cells(r).map((c) => make("td", "", c))); return tr; }));
    if (shown.length > most) { const tr = make("tr"); tr.append(make("td", "", "… " + (shown.length - most) + " more rows")); table.append(tr); }
  });
  rate();
  waterfall();
  filter();
  document.documentElement.dataset.ready = rows.length;
})();
