// Theme and language: like the system and the browser, until the user chooses.

import { icon } from "./dom.js";
import { language, name, translate } from "./i18n.js";
import { saveSettings, settings } from "./store.js";

const THEMES = ["auto", "light", "dark"];
const ICONS = { auto: "auto", light: "sun", dark: "moon" };

export function setUpAppearance({ themeButton, languageButton }, onLanguage) {
  const showTheme = () => {
    const theme = settings.theme ?? "auto";
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    themeButton.replaceChildren(icon(ICONS[theme]));
    name(themeButton, `theme_${theme}`);
  };
  const showLanguage = () => {
    languageButton.textContent = language() === "zh" ? "EN" : "中";
    translate(document);
    onLanguage();
  };
  themeButton.addEventListener("click", () => {
    saveSettings({ theme: THEMES[(THEMES.indexOf(settings.theme ?? "auto") + 1) % THEMES.length] });
    showTheme();
  });
  languageButton.addEventListener("click", () => {
    saveSettings({ language: language() === "zh" ? "en" : "zh" });
    document.documentElement.lang = settings.language === "zh" ? "zh-CN" : "en";
    showLanguage();
  });
  showTheme();
  showLanguage();
}
