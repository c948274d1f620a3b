/** In which room the page measures: in one of its own, so that nobody else sees who comes and goes there. */

/**
 * A room of this name if the token is for it, else the page's own. Without a token, every room is open. A token that
 * cannot be read is for the server to refuse.
 */
export function groundFor(token: string | null, apart: string, own: string): string {
  if (token === null) return apart;
  const rooms = roomsOf(token);
  return rooms.some((pattern) => matches(pattern, apart)) ? apart : own;
}

function roomsOf(token: string): readonly string[] {
  try {
    const part = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const { rooms } = JSON.parse(atob(part)) as { readonly rooms?: unknown };
    return Array.isArray(rooms) ? rooms.filter((room) => typeof room === "string") : [];
  } catch {
    return [];
  }
}

/** `*` stands for any text. */
function matches(pattern: string, room: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(room);
}
