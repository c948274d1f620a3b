/** The five questions of docs/choosing.md, and the transport that their answers come to. */

import type { TransportId } from "./transports.ts";

/** What may be answered, by question; the first answer is where the form begins. */
export const QUESTIONS = {
  who: {
    asks: "Who consumes it?",
    answers: {
      page: "a page or phone",
      program: "a program of mine",
      company: "another company",
      script: "a script",
    },
  },
  often: {
    asks: "How often?",
    answers: { steadily: "now and again", seldom: "a few times a day", constantly: "hundreds a second" },
  },
  way: { asks: "Which way?", answers: { one: "from me to them", both: "both ways" } },
  late: {
    asks: "How late may it be?",
    answers: { second: "a second", instant: "tens of ms", minute: "it can wait" },
  },
  spare: {
    asks: "How efficient must it be?",
    answers: { nothing: "no matter", wire: "for the wire", battery: "for a battery", server: "for the server" },
  },
} as const;

/** The name of a question. */
export type Question = keyof typeof QUESTIONS;

/** An answer to each. */
export type Answers = { readonly [Name in Question]: keyof (typeof QUESTIONS)[Name]["answers"] };

/** What to take, and why, in one sentence. */
export interface Choice {
  readonly transport: TransportId;
  readonly why: string;
}

/** The transport for these answers. What the server must not read goes over a link, whatever they are. */
export function choose(answers: Answers): Choice {
  switch (answers.who) {
    case "page":
      return forPage(answers);
    case "program":
      return forProgram(answers);
    case "company":
      return forCompany(answers);
    case "script":
      return forScript(answers);
  }
}

function forPage({ often, way, late, spare }: Answers): Choice {
  if (way === "both" && late === "instant") return link("Both ways and at once, as between two players: a link");
  if (spare === "server") return link("A direct path costs the server nothing: a link");
  if (way === "both") return feed("Both ways, by posts: one connection on which a page posts and watches");
  if (often !== "constantly" && spare === "battery") {
    return {
      transport: "sse",
      why: "One way, and a browser does it without a library; it sends nothing to say that it is still there.",
    };
  }
  return feed("It follows some topics among thousands: one post, encoded once for all who watch");
}

function forProgram({ often, way, late, spare }: Answers): Choice {
  if (way === "both" && late === "minute") return feed("A state that two programs share: the feed has a copy for who comes later");
  if (way === "both" || late === "instant") return link("As a robot and its operator: both ways, as quick as the network allows");
  if (spare === "server") return link("A direct path costs the server nothing: a link");
  if (often === "seldom" && late === "minute") return look("It looks now and then");
  return lines("It reads a part of what happens, one way");
}

function forCompany({ often, way, late }: Answers): Choice {
  if (way === "both") return feed("Both ways, by posts: any Socket.IO client in any language");
  if (often === "constantly" || late === "instant") {
    return lines("Too much for one request for each event, or too urgent to be tried again");
  }
  return {
    transport: "webhook",
    why: "Occasional events for somebody else: it needs no connection to you, is signed, and is tried again.",
  };
}

function forScript({ often, late }: Answers): Choice {
  if (often === "constantly" || late === "instant") return lines("As a stream, which curl -N reads");
  return look("One request, with since and wait");
}

function link(reason: string): Choice {
  return { transport: "direct", why: `${reason}, sealed; over the relay where no direct path is found.` };
}

function feed(reason: string): Choice {
  return { transport: "feed-websocket", why: `${reason}; long-polling where a proxy allows nothing else.` };
}

function lines(reason: string): Choice {
  return { transport: "ndjson", why: `${reason}: plain HTTP, a line for each event, taken up by an id where it stopped.` };
}

function look(reason: string): Choice {
  return { transport: "long-poll", why: `${reason}: an answer without posts is held until there is one.` };
}
