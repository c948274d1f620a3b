/** Dark or light: the system's choice until somebody makes another, which is kept. */

import { byId } from "./dom.ts";

const KEY = "eitherway.theme";

/** Makes the button work; `changed` is called after every change. */
export function themeButton(changed: () => void): void {
  const button = byId("theme", HTMLButtonElement);
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = (): boolean => (document.documentElement.dataset["theme"] ?? (system.matches ? "dark" : "light")) === "dark";
  const show = (): void => button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset["theme"] = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // Storage is blocked: the choice lasts as long as the page.
    }
    show();
    changed();
  });
  system.addEventListener("change", show);
  show();
}
