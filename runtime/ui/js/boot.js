// Sets the chosen theme before anything is painted, so that nothing flashes. Not a module: modules run too late.
(() => {
  try {
    const theme = localStorage.getItem("abide.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Without storage the system decides.
  }
})();
