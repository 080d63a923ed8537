// Asks the API each second and shows what it says. Text goes into the page as text, never as markup.
"use strict";

const INTERVAL_MS = 1000;
// Not simply relative: the page's own address may hold the password, and fetch() refuses such addresses.
const BASE = location.origin + location.pathname.replace(/[^/]*$/, "");
let before = null;

const byId = (id) => document.getElementById(id);
const whole = (value) => Math.round(value).toLocaleString();
const tenth = (value) => value.toLocaleString(undefined, { maximumFractionDigits: 1 });

const SERVER_COLUMNS = [
  ["Name", (row) => row.name],
  ["Address", (row) => row.address],
  ["State", (row) => row.state],
  ["Pools", (row) => row.pools.map((pool) => pool || "default").join(", ")],
  ["Queries/s", (row) => tenth(row.qps), "number"],
  ["Drops/s", (row) => tenth(row.dropRate), "number"],
  ["Queries", (row) => whole(row.queries), "number"],
  ["Drops", (row) => whole(row.drops), "number"],
  ["Outstanding", (row) => whole(row.outstanding), "number"],
  ["Latency ms", (row) => tenth(row.latency), "number"],
  ["Weight", (row) => row.weight, "number"],
  ["Order", (row) => row.order, "number"],
];

const POOL_COLUMNS = [
  ["Name", (row) => row.name || "default"],
  ["Servers", (row) => row.serversCount, "number"],
  ["Policy", (row) => row.policy],
  ["Cache entries", (row) => `${whole(row.cacheEntries)} of ${whole(row.cacheSize)}`, "number"],
  ["Cache MiB", (row) => tenth(row.cacheBytes / 1048576), "number"],
  ["Hits", (row) => whole(row.cacheHits), "number"],
  ["Misses", (row) => whole(row.cacheMisses), "number"],
  ["Hit ratio", (row) => ratio(row.cacheHits, row.cacheHits + row.cacheMisses), "number"],
];

const RULE_COLUMNS = [
  ["#", (row) => row.id, "number"],
  ["Name", (row) => row.name],
  ["Matches", (row) => whole(row.matches), "number"],
  ["Rule", (row) => row.rule],
  ["Action", (row) => row.action],
];

function ratio(part, total) {
  return total ? `${tenth((100 * part) / total)} %` : "–";
}

function element(tag, text, style) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (style) made.className = style;
  return made;
}

function showTable(id, columns, rows) {
  const head = document.createElement("tr");
  head.append(...columns.map(([title, , style]) => element("th", title, style)));
  const body = rows.map((row) => {
    const line = document.createElement("tr");
    line.append(...columns.map(([title, value, style]) => {
      const state = title === "State" && (row.state.toLowerCase() === "up" ? "up" : "down");
      return element("td", value(row), state || style);
    }));
    return line;
  });
  byId(id).replaceChildren(head, ...body);
}

function showRates(stats, now) {
  const seconds = before ? (now - before.at) / 1000 : 0;
  const perSecond = (...names) => {
    const sum = (of) => names.reduce((total, name) => total + of[name], 0);
    return seconds > 0 ? tenth(Math.max(0, sum(stats) - sum(before.stats)) / seconds) : "–";
  };
  const figures = [
    ["Queries/s", perSecond("queries")],
    ["Cache hits/s", perSecond("cache-hits")],
    ["Cache hit ratio", ratio(stats["cache-hits"], stats["cache-hits"] + stats["cache-misses"])],
    ["Replies/s", perSecond("responses")],
    ["Timeouts/s", perSecond("downstream-timeouts")],
    ["Drops/s", perSecond("rule-drop", "acl-drops", "noncompliant-queries", "no-policy")],
    ["Latency ms (last 1000)", tenth(stats["latency-avg1000"] / 1000)],
    ["Memory MiB", tenth(stats["real-memory-usage"] / 1048576)],
    ["Uptime s", whole(stats.uptime)],
  ];
  byId("rates").replaceChildren(...figures.map(([title, value]) => {
    const group = document.createElement("div");
    group.append(element("dt", title), element("dd", value));
    return group;
  }));
  before = { stats, at: now };
}

async function ask(path) {
  const answer = await fetch(BASE + path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${answer.statusText}`);
  return answer.json();
}

async function refresh() {
  try {
    const [overview, stats] = await Promise.all([ask("api/v1/servers/localhost"), ask("jsonstat?command=stats")]);
    byId("about").textContent = `${overview.version} on ${overview.local}`;
    showRates(stats, performance.now());
    showTable("servers", SERVER_COLUMNS, overview.servers);
    showTable("pools", POOL_COLUMNS, overview.pools);
    showTable("rules", RULE_COLUMNS, overview.rules);
    showTable("response-rules", RULE_COLUMNS, overview["response-rules"]);
    byId("problem").textContent = "";
  } catch (problem) {
    byId("problem").textContent = `No answer: ${problem.message}`;
  }
  setTimeout(refresh, INTERVAL_MS);
}

refresh();
