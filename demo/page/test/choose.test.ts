import { describe, expect, test } from "vitest";
import choosing from "../../../docs/choosing.md?raw";
import { type Answers, choose, type Question, QUESTIONS } from "../src/compare/choose.ts";
import { cells } from "../src/compare/measured.ts";
import { TRANSPORTS, type TransportId } from "../src/compare/transports.ts";

/** What the page says of each need: the need, and its transport in bold. */
const NEEDS = choosing
  .split("\n")
  .slice(choosing.split("\n").findIndex((line) => line.startsWith("| the need |")) + 2)
  .map(cells)
  .slice(0, 7)
  .map(([need = "", , transport = ""]) => [need, transport] as const);

/** The transports that the page's words mean. */
const MEANT: Readonly<Record<string, readonly TransportId[]>> = {
  "a link": ["direct"],
  links: ["direct"],
  "a feed": ["feed-websocket"],
  "HTTP streaming": ["sse", "ndjson"],
  "long-poll": ["long-poll"],
  webhooks: ["webhook"],
};

/** How somebody with each need answers. */
const ANSWERED: Readonly<Record<string, Answers>> = {
  "A robot": { who: "program", often: "constantly", way: "both", late: "instant", spare: "wire" },
  "Everyone in the room": { who: "program", often: "steadily", way: "both", late: "second", spare: "nothing" },
  "A phone or a page": { who: "page", often: "steadily", way: "one", late: "second", spare: "nothing" },
  "A service that reads": { who: "program", often: "constantly", way: "one", late: "second", spare: "wire" },
  "A script": { who: "script", often: "seldom", way: "one", late: "minute", spare: "nothing" },
  "A service of another company": { who: "company", often: "seldom", way: "one", late: "second", spare: "nothing" },
  "Two programs": { who: "program", often: "steadily", way: "both", late: "minute", spare: "nothing" },
};

/** Every way to answer. */
function all(): Answers[] {
  let answers: Record<string, string>[] = [{}];
  for (const name of Object.keys(QUESTIONS) as Question[]) {
    const values = Object.keys(QUESTIONS[name].answers);
    answers = answers.flatMap((one) => values.map((value) => ({ ...one, [name]: value })));
  }
  return answers as unknown as Answers[];
}

test("the questions are those of docs/choosing.md", () => {
  const asked = [...choosing.matchAll(/^\d\. \*\*(.+?)\*\*/gm)].map(([, question]) => question);
  expect(Object.values(QUESTIONS).map(({ asks }) => asks)).toEqual(asked);
});

describe.each(NEEDS)("%s", (need, transport) => {
  const meant = [...transport.matchAll(/\*\*(.+?)\*\*/g)].flatMap(([, words = ""]) => MEANT[words] ?? []);

  test("has transports that are known here", () => {
    expect(meant).not.toEqual([]);
  });

  test.each(meant)("%s can be reached by answers", (id) => {
    expect(all().map((answers) => choose(answers).transport)).toContain(id);
  });

  test("is answered as the page says", () => {
    const answers = Object.entries(ANSWERED).find(([begins]) => need.startsWith(`${begins} `))?.[1];
    expect(answers).toBeDefined();
    expect(meant).toContain(choose(answers as Answers).transport);
  });
});

test("every answer comes to a transport that there is, and one sentence why", () => {
  const ids = new Set(TRANSPORTS.map(({ id }) => id));
  expect(all()).toHaveLength(4 * 3 * 2 * 3 * 4);
  for (const answers of all()) {
    const { transport, why } = choose(answers);
    expect(ids).toContain(transport);
    expect(why).toMatch(/^[A-Z](?!.*\. ).*\.$/);
  }
});

test("whoever wants an answer both ways is not sent where there is none", () => {
  const both = all().filter(({ way }) => way === "both");
  for (const { transport } of both.filter(({ who }) => who !== "script").map(choose)) {
    expect(["direct", "feed-websocket"]).toContain(transport);
  }
});
