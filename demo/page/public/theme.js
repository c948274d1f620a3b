// Before anything is drawn: the theme that was chosen here before, if any.
try {
  const theme = localStorage.getItem("eitherway.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is blocked: the system's theme it is.
}
