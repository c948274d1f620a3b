/** Names: of people who have not said theirs, and of whatever a peer calls itself or its files. */

const FIRST = ["Amber", "Brisk", "Calm", "Dapper", "Eager", "Fair", "Gentle", "Hazel", "Ivory", "Jolly", "Keen", "Lucky"];
const SECOND = ["Badger", "Crane", "Dormouse", "Egret", "Finch", "Gecko", "Heron", "Ibis", "Lynx", "Marten", "Otter", "Puffin"];

/** A name for somebody new; `random` gives numbers from 0 to 1. */
export function randomName(random: () => number = Math.random): string {
  const pick = (words: readonly string[]): string => words[Math.floor(random() * words.length)] ?? "Somebody";
  return `${pick(FIRST)} ${pick(SECOND)}`;
}

/** What a peer calls itself, fit to be shown: one line, at most 32 characters; else the beginning of its id. */
export function shownName(profile: unknown, id: string): string {
  const name = typeof profile === "object" && profile !== null ? (profile as { name?: unknown }).name : undefined;
  return (typeof name === "string" && oneLine(name, 32)) || id.slice(0, 8);
}

/** A file name that a peer sent, fit to be saved under: no folders, no hidden file, nothing that turns text around. */
export function fileName(name: unknown): string {
  const last = (typeof name === "string" ? name : "").split(/[/\\]/).at(-1) ?? "";
  const kept = oneLine(last.replace(/[<>:"|?*]/g, "_"), 120).replace(/^[.\s]+|[.\s]+$/g, "");
  return kept || "file";
}

/** Text in one line: no control characters, none that change the direction of writing, at most so many characters. */
export function oneLine(text: string, most: number): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  const characters = Array.from(clean);
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : clean;
}
