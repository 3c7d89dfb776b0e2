// Starts ReDoc with the colours of the site, light or dark. A file of its own, because no inline script is allowed.
(() => {
  "use strict";

  const place = document.getElementById("redoc");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const sans = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';
  const mono = 'ui-monospace, "SFMono-Regular", Menlo, Consolas, "Liberation Mono", monospace';

  const light = {
    main: "#0f5c5c", text: "#1b2524", quiet: "#53615f", line: "#dfe2dc",
    side: "#f3f2ec", active: "#e6e6dd", nested: "#f7f6f1", code: "#a3380b", codeGround: "#f1efe8",
    panel: "#14302f", block: "#0d2423", good: "#1b7a35", bad: "#c02b1d", overlay: "#ffffff",
  };
  const night = {
    main: "#7fd1c7", text: "#e5ebe8", quiet: "#a3b0ad", line: "#2b3a39",
    side: "#172221", active: "#22312f", nested: "#1a2625", code: "#ffb98a", codeGround: "#1f2c2b",
    panel: "#0a1211", block: "#141f1e", good: "#7fd08f", bad: "#ff9a8d", overlay: "#22312f",
  };

  const theme = (colour) => ({
    colors: {
      primary: { main: colour.main },
      success: { main: colour.good },
      error: { main: colour.bad },
      text: { primary: colour.text, secondary: colour.quiet },
      border: { dark: colour.line, light: colour.line },
    },
    schema: {
      nestedBackground: colour.nested,
      linesColor: colour.quiet,
      typeNameColor: colour.quiet,
      typeTitleColor: colour.quiet,
      requireLabelColor: colour.code,
    },
    typography: {
      fontSize: "16px",
      lineHeight: "1.6",
      fontFamily: sans,
      headings: { fontFamily: sans, fontWeight: "650" },
      code: { fontFamily: mono, fontSize: "14px", color: colour.code, backgroundColor: colour.codeGround },
      links: { color: colour.main, visited: colour.main, hover: colour.main },
    },
    sidebar: {
      backgroundColor: colour.side,
      textColor: colour.text,
      activeTextColor: colour.main,
      groupItems: { activeBackgroundColor: colour.active },
      level1Items: { activeBackgroundColor: colour.active },
    },
    rightPanel: {
      backgroundColor: colour.panel,
      servers: {
        overlay: { backgroundColor: colour.overlay, textColor: colour.text },
        url: { backgroundColor: colour.nested },
      },
    },
    codeBlock: { backgroundColor: colour.block },
    fab: { backgroundColor: colour.active, color: colour.main },
  });

  Redoc.init(
    place.dataset.openapi,
    {
      hideHostname: false,
      nativeScrollbars: true,
      requiredPropsFirst: true,
      sortTagsAlphabetically: false,
      jsonSampleExpandLevel: 3,
      scrollYOffset: () => document.querySelector(".site-header").offsetHeight,
      theme: theme(dark.matches ? night : light),
    },
    place,
  );
})();
