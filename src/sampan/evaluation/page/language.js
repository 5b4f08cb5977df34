// The reader's language, and a button to change it.
const root = document.documentElement;
const show = (language) => {
  root.dataset.lang = language;
  root.lang = language === "zh" ? "zh-CN" : "en";
  const button = document.getElementById("language");
  button.textContent = language === "zh" ? "English" : "中文";
  button.onclick = () => show(language === "zh" ? "en" : "zh");
};
addEventListener("DOMContentLoaded", () => show(navigator.language.startsWith("zh") ? "zh" : "en"));
