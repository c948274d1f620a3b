/** The five questions as a form, and what its answers come to. */

import { html } from "../dom.ts";
import "../style/questions.css";
import { type Answers, type Choice, choose, type Question, QUESTIONS } from "./choose.ts";
import { TRANSPORTS } from "./transports.ts";

/** The form, and the sentence below it; `chosen` is called at once, and with every change. */
export function questions(chosen: (choice: Choice) => void): HTMLElement {
  const names = Object.keys(QUESTIONS) as Question[];
  const take = html("strong");
  const why = html("span");
  const form = html("form", { class: "questions", "aria-label": "Five questions" }, ...names.map(field));
  const answer = (): void => {
    const answers = Object.fromEntries(names.map((name) => [name, new FormData(form).get(name)]));
    const choice = choose(answers as Answers);
    take.textContent = TRANSPORTS.find(({ id }) => id === choice.transport)?.name ?? "";
    why.textContent = choice.why;
    chosen(choice);
  };
  form.addEventListener("change", answer);
  form.addEventListener("submit", (event) => event.preventDefault());
  const choice = html("p", { class: "choice", role: "status", "data-testid": "compare-choice" }, take, why);
  answer();
  return html("div", { class: "asking" }, html("h3", {}, "Five questions"), form, choice);
}

function field(name: Question): HTMLElement {
  const { asks, answers } = QUESTIONS[name];
  const choices = Object.entries<string>(answers).map(([value, text], index) => {
    const checked = index === 0 ? "" : null;
    const input = html("input", { type: "radio", name, value, checked, "data-testid": "compare-answer" });
    return html("label", {}, input, html("span", {}, text));
  });
  return html("fieldset", {}, html("legend", {}, asks), html("div", { class: "answers" }, ...choices));
}
