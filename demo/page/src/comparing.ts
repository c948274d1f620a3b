/** Opens the panel that compares transports: its code is fetched when it is asked for, so that the page starts without. */

import type { Panel } from "./compare/index.ts";
import type { Context } from "./compare/context.ts";
import { byId } from "./dom.ts";
import { log } from "./log.ts";

/** Makes the panel work. Closing it ends what it does. */
export function offerComparison(context: Context): void {
  const details = byId("compare", HTMLDetailsElement);
  const element = byId("compare-body", HTMLElement);
  let panel: Panel | null = null;
  const toggled = async (): Promise<void> => {
    if (!details.open) {
      panel?.stop();
      return;
    }
    if (panel !== null) return;
    const { Panel: Loaded } = await import("./compare/index.ts");
    panel ??= new Loaded(element, context);
  };
  const show = (): void => {
    toggled().catch((error: unknown) => log(`What compares transports could not be loaded: ${String(error)}`, "bad"));
  };
  details.addEventListener("toggle", show);
  if (details.open) show();
}
