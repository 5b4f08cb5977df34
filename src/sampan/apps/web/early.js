// Runs before anything is painted, so that a chosen theme and language do not flash in late. Not a module: those wait.
(() => {
  const stored = (() => {
    try {
      return JSON.parse(localStorage.getItem("sampan.settings")) ?? {};
    } catch {
      return {};
    }
  })();
  const root = document.documentElement;
  if (stored.theme === "light" || stored.theme === "dark") root.dataset.theme = stored.theme;
  root.lang = (stored.language || navigator.language || "en").startsWith("zh") ? "zh-CN" : "en";
  if (matchMedia("(max-width: 800px)").matches) root.dataset.sidebar = "closed";
})();
